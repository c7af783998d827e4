# `make demo` trains and evaluates two models of generated cars; `make test` runs every notebook's tests,
# with FLAGS="slow real browser" also those that take long, or need photographs or a browser. Both install what they need.
PYTHON ?= python3
VENV ?= .venv
INSTALLED = $(VENV)/installed
FLAGS ?=
WORKERS ?= 2

demo: $(INSTALLED)
	$(VENV)/bin/carscope demo

test: $(INSTALLED)
	OMP_NUM_THREADS=1 PATH="$(abspath $(VENV))/bin:$$PATH" nbdev_test --n_workers $(WORKERS) --do_print --timing $(if $(FLAGS),--flags "$(FLAGS)")

readme: $(INSTALLED)
	$(VENV)/bin/jupyter nbconvert --log-level ERROR --to markdown --no-input --stdout nbs/index.ipynb \
	  | sed -e 's#(images/#(nbs/images/#g' -e 's#](\([^):]*\.ipynb\))#](nbs/\1)#g' > README.md

# The site, in _docs. README.md is touched so that nbdev leaves it alone: `make readme` makes it.
docs: $(INSTALLED)
	$(VENV)/bin/python -m pip install -e '.[docs]'
	touch README.md
	PATH="$(abspath $(VENV))/bin:$$PATH" nbdev_docs

# The page of `nbs/try_it.ipynb`, in _docs/try: the networks of the demo, which run in the browser. After `make docs`, which empties _docs.
try: $(INSTALLED)
	$(VENV)/bin/carscope demo --out $(VENV)/demo
	$(VENV)/bin/carscope app $(VENV)/demo/make --years $(VENV)/demo/year --static _docs/try

$(INSTALLED): settings.ini setup.py pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -e '.[dev]'
	touch $@

.PHONY: demo test readme docs try
