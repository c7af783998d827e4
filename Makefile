# `make demo` trains and evaluates on generated cars; `make test` runs every notebook's tests. Both install what they need.
PYTHON ?= python3
VENV ?= .venv
INSTALLED = $(VENV)/installed

demo: $(INSTALLED)
	$(VENV)/bin/carscope demo

test: $(INSTALLED)
	$(VENV)/bin/nbdev_test --n_workers 2

$(INSTALLED): settings.ini setup.py pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -e '.[dev]'
	touch $@

.PHONY: demo test
