"Everything that the package says of itself stands in settings.ini; this only passes it on."
import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

parser = ConfigParser(delimiters=['='])
parser.read('settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']
lines = lambda key: cfg[key].split('\n')
extras = {key.removesuffix('_requirements'): lines(key) for key in cfg if key.endswith('_requirements')}
extras['dev'] += [need for name, needs in extras.items() if name not in ('dev', 'docs') for need in needs] # tests want them all, but not Quarto

# What the README links to lies in the repository, as it was when this version was released: on the page of the package there is nothing else.
readme, there = Path('README.md').read_text(encoding='utf-8'), f"{cfg['git_url']}/%s/v{cfg['version']}/"
readme = re.sub(r'(!\[[^]]*\]\()(?!https?:)', r'\1' + there % 'raw', readme)
readme = re.sub(r'((?<!!)\[[^]]*\]\()(?!https?:|#)', r'\1' + there % 'blob', readme)

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], license_expression='Apache-2.0', license_files=['LICENSE'],
    author=cfg['author'], author_email=cfg['author_email'], url=cfg['git_url'], keywords=cfg['keywords'].split(),
    project_urls={'Documentation': cfg['doc_host'] + cfg['doc_baseurl'], 'Changelog': f"{cfg['git_url']}/blob/{cfg['branch']}/CHANGELOG.md"},
    classifiers=['Development Status :: 3 - Alpha', f"Intended Audience :: {cfg['audience']}", 'Programming Language :: Python :: 3',
                 'Topic :: Scientific/Engineering :: Image Recognition', 'Framework :: Jupyter'],
    long_description=readme, long_description_content_type='text/markdown',
    packages=find_packages(include=[cfg['lib_name'], f"{cfg['lib_name']}.*"]), python_requires='>=' + cfg['min_python'],
    package_data={cfg['lib_name']: ['web/*']}, # the files of the page that `carscope app --static` writes
    install_requires=lines('requirements'), extras_require=extras,
    entry_points={'console_scripts': lines('console_scripts'),
                  'nbdev': [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]})
