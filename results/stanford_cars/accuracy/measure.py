"""Train the rows of accuracy.csv, each by its own command, and write the table beside this file.

    python results/stanford_cars/accuracy/measure.py DATA WEIGHTS RUNS [ROW...]

DATA is the folder of Stanford Cars, WEIGHTS that of MobileNetV2 in the form of timm, RUNS a folder for the runs. Without ROW, all rows are trained.
A row that is in the table already is not trained again: delete it there first. One training at a time: minutes are those of a machine that does
nothing else."""
import csv
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path

from carscope.files import atomic_write, available_cores
from carscope.run import Run

HELD_OUT = '--valid 0.1 --test 0.2' # of 6,509 images; the test images are the same for all rows of a seed
ARCHS = dict(mobilenetv2='local-dir:WEIGHTS', lite0='tf_efficientnet_lite0', lite1='tf_efficientnet_lite1', lite2='tf_efficientnet_lite2')
FROZEN = {f'frozen {arch} {size}': f'--arch {name} --recipe frozen --size {size} {HELD_OUT} --seed 42'
          for size in (160, 224) for arch, name in ARCHS.items()}
SEEDS = {f'frozen lite0 224 seed {seed}': f'--arch {ARCHS["lite0"]} --recipe frozen --size 224 {HELD_OUT} --seed {seed}' for seed in (1, 2)}
ROWS = FROZEN | SEEDS

def machine():
    model = next((line.partition(':')[2].strip() for line in Path('/proc/cpuinfo').read_text().splitlines() if line.startswith('model name')), '')
    return f'{available_cores()} cores, {model or platform.processor()}, {platform.system()}'

def measure(name, data, weights, runs):
    out = Path(runs)/name.replace(' ', '-')
    options = shlex.split(ROWS[name].replace('WEIGHTS', str(weights)))
    command = ['-c', 'from carscope.cli import main; main()', 'train', str(data), *options, '--no-checks', '--out', str(out)]
    start = time.perf_counter()
    subprocess.run([sys.executable, *command, '--overwrite'], check=True)
    minutes = (time.perf_counter() - start) / 60
    run = Run(out)
    config, test, images = run.config, run.metrics['test'], run.config.data.images
    return dict(row=name, command=f"carscope train data/stanford_cars {ROWS[name].replace('WEIGHTS', 'weights/mobilenetv2_100.tf_in1k')} --no-checks", seed=config.seed, size=config.recipe.size,
                epochs=config.recipe.epochs, n_train=images['train'], n_valid=images['valid'], n_test=test['n'],
                **{k: round(test[k], 5) for k in ('accuracy', 'accuracy_low', 'accuracy_high', 'top5', 'macro_f1', 'ece_raw', 'ece')},
                temperature=round(config.calibration.temperature, 4), minutes=round(minutes, 2), machine=machine(),
                torch=config.provenance.versions.get('torch', ''), commit=config.provenance.git_commit or '')

def main(data, weights, runs, *names):
    table = Path(__file__).parent/'accuracy.csv'
    for name in names or ROWS:
        rows = list(csv.DictReader(table.open(encoding='utf-8'))) if table.exists() else []
        if name in [row['row'] for row in rows]: continue
        rows.append(measure(name, data, weights, runs))
        with atomic_write(table) as part, open(part, 'w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, rows[-1].keys())
            writer.writeheader()
            writer.writerows(rows)
        print(json.dumps(rows[-1]), flush=True)

if __name__ == '__main__': main(*sys.argv[1:])
