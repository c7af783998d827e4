"Everything that the package says of itself stands in settings.ini; this only passes it on."
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

parser = ConfigParser(delimiters=['='])
parser.read('settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']
lines = lambda key: cfg[key].split('\n')
extras = {key.removesuffix('_requirements'): lines(key) for key in cfg if key.endswith('_requirements')}
extras['dev'] += [need for name, needs in extras.items() if name != 'dev' for need in needs] # tests want them all

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], license='Apache-2.0',
    author=cfg['author'], author_email=cfg['author_email'], url=cfg['git_url'], keywords=cfg['keywords'].split(),
    long_description=Path('README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    packages=[cfg['lib_name']], python_requires='>=' + cfg['min_python'],
    install_requires=lines('requirements'), extras_require=extras,
    entry_points={'console_scripts': lines('console_scripts'),
                  'nbdev': [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]})
