"""Train networks on one GPU, and measure their speed: one row per network and seed in gpu.csv beside this file.

    python results/gpu.py DATA RUNS
    python results/gpu.py DATA RUNS --arch convnext_tiny.fb_in22k_ft_in1k --size 288 --seed 1

DATA is a folder or a catalog, RUNS a folder for the runs. The download of Stanford Cars (`carscope download stanford_cars`) has the official split,
and a tenth of its training images is then the validation set; of other data, a fifth is held out for testing. Pretrained weights are downloaded, except
those of EfficientNet-Lite. A row is written when it is finished. After an interruption, repeat the command: it resumes the training.

Columns: accuracy to temperature: as in stanford_cars/accuracy; minutes: all epochs with their validation; epoch_images_per_second: training images
over the median duration of an epoch; training, plain loop, network, compiled: images per second of `carscope bench` (median of three rounds);
gpu_busy: mean utilisation reported by nvidia-smi once per second during the training (%), gpu_memory: the highest memory use (MB)."""
import argparse
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from carscope.benchmark import measure_speeds
from carscope.data import read_catalog
from carscope.engine import choose_compute
from carscope.files import CarscopeError
from carscope.run import Run

import pandas as pd
import torch

TABLE = Path(__file__).with_suffix('.csv')
ARCHS = ('tf_efficientnet_lite2', 'resnet50.a1_in1k', 'convnext_tiny.fb_in22k_ft_in1k', 'tf_efficientnet_b3.ns_jft_in1k',
         'tf_efficientnet_b4.ns_jft_in1k')

def settings():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data')
    parser.add_argument('runs', type=Path)
    parser.add_argument('--arch', nargs='+', default=ARCHS, help='names of networks in timm or torchvision')
    parser.add_argument('--weights', default='imagenet', help='as in carscope train; none measures the speed without a download')
    parser.add_argument('--size', type=int, default=224, help='image size in training (px)')
    parser.add_argument('--epochs', type=int, default=30)
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--seed', type=int, default=42)
    parser.add_argument('--device', default='cuda')
    parser.add_argument('--seconds', type=float, default=20, help='duration of each measurement of speed')
    return parser.parse_args()

@contextmanager
def watched_gpu(file):
    "Append utilisation (%) and memory (MB) to a CSV file once per second, if there is nvidia-smi."
    tool = shutil.which('nvidia-smi')
    if not tool: yield; return
    query = [tool, '--query-gpu=utilization.gpu,memory.used', '--format=csv,noheader,nounits', '--loop=1',
             f"--id={os.environ.get('CUDA_VISIBLE_DEVICES', '0').split(',')[0]}"]
    with open(file, 'a') as lines, subprocess.Popen(query, stdout=lines) as process:
        try: yield
        finally: process.terminate()

def machine(device): return torch.cuda.get_device_name() if device == 'cuda' else f'{os.cpu_count()} cores'

def speeds_of(o, arch):
    "Images per second of each part."
    some = read_catalog(o.data).sample(frac=1, random_state=0).groupby('label').head(8)
    with_compile = o.device == 'cuda'
    table = measure_speeds(some, arch, o.weights, (o.size,), batch_size=o.batch_size, seconds=o.seconds, with_compile=with_compile,
                           device=o.device)
    return table.groupby('stage').images_per_second.median().round(1).to_dict()

def row_of(o, arch):
    "Train a network, or finish its interrupted training, and measure its speed."
    out = o.runs/f'{Path(arch).name}-{o.weights}-{o.size}-{o.epochs}-{o.batch_size}-{o.seed}'
    options = (f'--arch {arch} --weights {o.weights} --size {o.size} --epochs {o.epochs} --batch-size {o.batch_size} --seed {o.seed} '
               f'--device {o.device} --valid 0.1 --test 0.2 --no-checks')
    watched = out.with_suffix('.gpu.csv') # beside the run: the readings of an interrupted training count, too
    if not (out/'metrics.json').exists():
        call = ['-c', 'from carscope.cli import main; main()', 'train', o.data, *shlex.split(options), '--out', str(out), '--resume']
        with watched_gpu(watched):
            if subprocess.run([sys.executable, *call]).returncode: return None # the command has printed its error
    readings = pd.read_csv(watched, names=['busy', 'memory']) if watched.exists() else pd.DataFrame(dict(busy=[], memory=[]))
    run = Run(out)
    config, test, images, epochs = run.config, run.metrics['test'], run.config.data.images, run.history.query('stage == "whole network"')
    speeds = speeds_of(o, arch)
    return dict(
        arch=arch, seed=o.seed, size=o.size, epochs=o.epochs, batch_size=o.batch_size, n_train=images['train'], n_valid=images['valid'], n_test=test['n'],
        **{k: test.get(k) for k in ('accuracy', 'accuracy_low', 'accuracy_high', 'top5', 'macro_f1', 'ece_raw', 'ece')},
        temperature=config.calibration.temperature, minutes=run.history.seconds.sum() / 60,
        epoch_images_per_second=images['train'] / epochs.seconds.median(),
        **{stage.replace('training, compiled', 'compiled'): speeds.get(stage) for stage in ('training', 'plain loop', 'network', 'training, compiled')},
        gpu_busy=readings.busy.mean(), gpu_memory=readings.memory.max(), precision=str(choose_compute(o.device).dtype).removeprefix('torch.'),
        machine=machine(o.device), torch=config.provenance.versions.get('torch', ''), commit=config.provenance.git_commit or '',
        command=f'carscope train DATA {options}')

def main(o):
    choose_compute(o.device) # raises its error before anything is trained
    o.runs.mkdir(parents=True, exist_ok=True)
    failed = []
    for arch in o.arch:
        row = row_of(o, arch)
        if row is None: failed.append(arch); continue
        table = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame(columns=list(row))
        others = table[(table.command != row['command']) | (table.machine != row['machine'])]
        pd.DataFrame([*others.to_dict('records'), row]).round(4).to_csv(TABLE, index=False)
    if failed: raise CarscopeError(f"not in {TABLE}: {', '.join(failed)}; see the errors above")

if __name__ == '__main__':
    try: main(settings())
    except (CarscopeError, OSError) as e: sys.exit(f'error: {e}')
