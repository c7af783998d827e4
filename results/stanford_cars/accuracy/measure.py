"""Train networks on Stanford Cars, one command per row of accuracy.csv beside this file.

    python results/stanford_cars/accuracy/measure.py train DATA WEIGHTS RUNS [ROW...]
    python results/stanford_cars/accuracy/measure.py minutes DATA WEIGHTS RUNS [KIND...]
    python results/stanford_cars/accuracy/measure.py changes DATA WEIGHTS RUNS

DATA is the folder of Stanford Cars, WEIGHTS that of MobileNetV2 in the format of timm, RUNS a folder for the runs. `train` trains the rows that are
not in RUNS, writes each into accuracy.csv when it is finished, and can be interrupted. `minutes` measures how long a kind of row takes (minutes.csv) on
a machine that does nothing else, so that `train` can run beside other programs: one epoch is trained and counts for all. `changes` compares the recipe of version 0.1.0, and test-time augmentation, with rows that are in RUNS."""
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from carscope.compare import recipe_curves, recipe_table
from carscope.config import RECIPES
from carscope.files import available_cores
from carscope.inference import evaluate
from carscope.run import Run

HERE = Path(__file__).parent
WEIGHTS = 'weights/mobilenetv2_100.tf_in1k' # in the recorded commands
ARCHS = dict(mobilenetv2='local-dir:WEIGHTS', lite0='tf_efficientnet_lite0', lite1='tf_efficientnet_lite1', lite2='tf_efficientnet_lite2')
SETTINGS = {'frozen {} 224': '--recipe frozen --size 224', 'one_cycle {} 128': '--recipe one_cycle --size 128',
            'one_cycle {} 160': '--recipe one_cycle --size 160 --epochs 14', 'one_cycle {} 160 28': '--recipe one_cycle --size 160 --epochs 28',
            'one_cycle {} 224 28': '--recipe one_cycle --size 224 --epochs 28'}
KINDS = {name.format(arch): f'--arch {source} {options}' for name, options in SETTINGS.items() for arch, source in ARCHS.items()
         if arch != 'lite1' or name.startswith('frozen')}
ROWS = {f'{kind} {seed}': f'{options} --valid 0.1 --test 0.2 --seed {seed} --no-checks' for seed in (42, 1, 2) for kind, options in KINDS.items()} # shortest first

def machine():
    lines = Path('/proc/cpuinfo').read_text().splitlines()
    model = next((line.partition(':')[2].strip() for line in lines if line.startswith('model name')), '')
    return f'{available_cores()} core{"s"[:available_cores() > 1]}, {model or platform.processor()}, {platform.system()}'

def call(data, weights, options, out, **environment):
    options = shlex.split(options.replace('WEIGHTS', str(weights)))
    command = ['-c', 'from carscope.cli import main; main()', 'train', str(data), *options, '--out', str(out)]
    subprocess.run([sys.executable, *command], check=True, env={**os.environ, **environment})

def train(data, weights, runs, *names):
    if unknown := set(names) - set(ROWS): sys.exit(f"there is no row '{min(unknown)}': choose {', '.join(ROWS)}")
    for name in names or ROWS:
        out = Path(runs)/name.replace(' ', '-')
        if not (out/'metrics.json').exists():
            call(data, weights, f'{ROWS[name]} --resume', out)
        write(row_of(name, Run(out)))

def row_of(name, run):
    config, test, images = run.config, run.metrics['test'], run.config.data.images
    return dict(
        row=name.rpartition(' ')[0], command=f"carscope train data/stanford_cars {ROWS[name].replace('WEIGHTS', WEIGHTS)}", seed=config.seed,
        size=config.recipe.size, epochs=config.recipe.epochs, n_train=images['train'], n_valid=images['valid'], n_test=test['n'],
        **{k: test[k] for k in ('accuracy', 'accuracy_low', 'accuracy_high', 'top5', 'macro_f1', 'ece_raw', 'ece')},
        temperature=config.calibration.temperature, machine=machine(), torch=config.provenance.versions.get('torch', ''),
        commit=config.provenance.git_commit or '')

def write(new):
    "Replace the row of the same kind and seed in accuracy.csv, or add it."
    table = pd.read_csv(HERE/'accuracy.csv')
    same = (table.row == new['row']) & (table.seed == new['seed'])
    write_table(pd.concat([table[~same], pd.DataFrame([new])]))

def write_table(table):
    "Write accuracy.csv in the order of the rows, with the minutes from minutes.csv."
    table = table.assign(minutes=table.row.map(pd.read_csv(HERE/'minutes.csv', index_col='row').minutes),
                         **table[['seed', 'size', 'epochs', 'n_train', 'n_valid', 'n_test']].astype(int))
    names, order = table.row + ' ' + table.seed.astype(str), list(ROWS)
    table.iloc[names.map(order.index).argsort()].round(5).to_csv(HERE/'accuracy.csv', index=False)

def minutes(data, weights, runs, *kinds):
    for kind in kinds or KINDS:
        options = KINDS[kind]
        with tempfile.TemporaryDirectory(dir=runs) as folder:
            start = time.perf_counter()
            frozen = 'frozen' in kind # an epoch takes no time there, so the whole training is measured
            call(data, weights, f'{options}{"" if frozen else " --epochs 1"} --valid 0.1 --test 0.2 --no-checks', Path(folder)/'run',
                 CARSCOPE_CACHE=folder) # without the features of an earlier training
            taken, history = time.perf_counter() - start, Run(Path(folder)/'run').history
        epochs = int((re.findall(r'--epochs (\d+)', options) or [RECIPES['one_cycle'].epochs])[0])
        if not frozen: taken += (epochs - 1) * history.seconds.iloc[-1]
        table = pd.read_csv(HERE/'minutes.csv', index_col='row')
        table.loc[kind] = round(taken / 60, 2), machine()
        table.loc[[k for k in KINDS if k in table.index]].to_csv(HERE/'minutes.csv')
    write_table(pd.read_csv(HERE/'accuracy.csv'))

def changes(data, weights, runs):
    "The recipe of version 0.1.0, and test-time augmentation: their gain on the same test images."
    runs, first, name = Path(runs), Path(runs)/'head-first-mobilenetv2-160-42', 'one_cycle mobilenetv2 160 42'
    options = f'{ROWS[name]} --set head_epochs=10 --set lr_decay=.75'
    if not (first/'metrics.json').exists(): call(data, weights, f'{options} --resume', first)
    found = {('as shipped', 42): Run(runs/name.replace(' ', '-')), ('head first, lr_decay 0.75', 42): Run(first)}
    recipe_curves(found).to_csv(HERE/'changes_history.csv', index=False, float_format='%.5g')
    table = recipe_table(found, 'test', 'as shipped').rename(columns=dict(recipe='change'))[['change', 'n', 'accuracy', 'low', 'high', 'gain', 'gain_low', 'gain_high']]
    augmented, _ = evaluate(Run(runs/'one_cycle-lite0-160-42'), data, tta=True)
    table['row'] = name
    table.loc[len(table)] = dict(change='test-time augmentation', n=augmented['n'], row='one_cycle lite0 160 42', **{
        new: augmented[old] for new, old in dict(accuracy='accuracy', low='accuracy_low', high='accuracy_high', gain='tta_gain', gain_low='tta_gain_low',
                                                 gain_high='tta_gain_high').items()})
    table.to_csv(HERE/'changes.csv', index=False, float_format='%.5g')

if __name__ == '__main__': dict(train=train, minutes=minutes, changes=changes)[sys.argv[1]](*sys.argv[2:])
