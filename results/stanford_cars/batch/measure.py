"""How fast `carscope predict RUN DATA --out FOLDER` is beside the limits of the machine, and how much memory it takes.

    python results/stanford_cars/batch/measure.py data/stanford_cars RUN FOLDER speed 20000
    python results/stanford_cars/batch/measure.py data/stanford_cars RUN FOLDER kill 1000000
    python results/stanford_cars/batch/measure.py data/stanford_cars RUN FOLDER precision 0

speed: images per second for each engine and image size, and the limits of loading and of the network, in speed.csv.
kill:  the command is killed five times while it predicts; rows, memory and time are in kill.csv and memory.csv.
precision: accuracy of each engine on the test images of the run, and the mean difference of the highest probability from that of PyTorch, in
precision.csv.
Each image is a random crop of a photograph, so the list contains no image twice."""
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from carscope.data import read_catalog
from carscope.engine import process_batches
from carscope.batch import PartPredictor, _Images, _stacked, predict_folder
from carscope.files import available_cores
from carscope.metrics import wilson
from carscope.pictures import load_image
from carscope.run import Run

import numpy as np
import pandas as pd

HERE = Path(__file__).parent

def write_list(data, file, n, seed=0):
    "A table of `n` random crops of the photographs."
    catalog, rng = read_catalog(data), np.random.default_rng(seed)
    sizes = {image: load_image(image).size for image in catalog.image}
    rows = catalog.iloc[rng.integers(0, len(catalog), n)]
    left, top = rng.integers(0, 40, (2, n))
    corners = [(min(x, sizes[i][0] // 2), min(y, sizes[i][1] // 2)) for i, x, y in zip(rows.image, left, top)]
    crops = [f'{i}#xywh={x},{y},{sizes[i][0] - x - 1},{sizes[i][1] - y - 1}' for i, (x, y) in zip(rows.image, corners)]
    pd.DataFrame(dict(image=crops, label=rows.label, year=rows.year)).drop_duplicates('image').to_csv(file, index=False)

def rate(function, n):
    start = time.perf_counter()
    function()
    return n / (time.perf_counter() - start)

def measure_speed(run, listed, folder, n):
    rows = []
    for size in 128, 224:
        sized = folder/f'run-{size}'
        shutil.copytree(run.path, sized, dirs_exist_ok=True)
        config = Run(sized).config
        Run(sized).write_config(replace(config, recipe=replace(config.recipe, size=size, test_scale=1.)))
        for engine, precision in ('torch', 'auto'), ('onnx', 'auto'), ('onnx', 'int8'):
            out = folder/f'{size}-{engine}-{precision}'
            with_list = dict(engine=engine, precision=precision, part_rows=5000)
            try: # prepare only, so that the limits can be measured with the same network
                predict_folder(sized, listed, out, shard='9999/9999', **with_list)
                worker = PartPredictor(out)
                images = worker._references(worker.rows_of(0).to_pandas())[:3000]
                dataset, few = _Images(images, size, False), (3000 if size == 128 else 1500)
                loading = rate(lambda: list(process_batches(dataset, lambda batch: None, worker.batch, worker.compute, collate=_stacked)), 3000)
                pixels = _stacked([dataset[i] for i in range(worker.batch)])[0]
                class Same: # the same batch again and again: the network alone
                    def __len__(self): return few
                    def __getitem__(self, i): return i
                network = rate(lambda: list(process_batches(Same(), lambda batch: worker.engine(pixels), worker.batch, worker.compute,
                                                            collate=list)), few)
                counts = predict_folder(sized, listed, out, **with_list)
            finally: pass
            both = 1 / (1 / loading + 1 / network) # loading and network share the cores
            rows.append(dict(size=size, engine=engine, precision='int8' if precision == 'int8' else str(worker.compute.dtype).split('.')[1]
                             if engine == 'torch' else 'float32', images=counts['rows'], images_per_second=counts['images_per_second'],
                             loading=loading, network=network, limit=both, of_limit=counts['images_per_second'] / both, cores=available_cores()))
            print(rows[-1], flush=True)
            shutil.rmtree(out)
    pd.DataFrame(rows).to_csv(HERE/'speed.csv', index=False, float_format='%.4g')

def measure_precision(run, listed, folder, n):
    images, rows = run.catalog.query('split == "test"'), []
    for engine, precision in ('torch', 'auto'), ('onnx', 'auto'), ('onnx', 'int8'):
        out = folder/f'precision-{engine}-{precision}'
        shutil.rmtree(out, ignore_errors=True)
        predict_folder(run, images, out, engine=engine, precision=precision)
        table = pd.read_parquet(out)
        if not rows: first = table
        right = int((table.predicted == table[run.config.target]).sum())
        low, high = wilson(right, len(table))
        rows.append(dict(engine=engine, precision=precision if precision == 'int8' else 'bfloat16' if engine == 'torch' else 'float32',
                         n=len(table), accuracy=right / len(table), low=low, high=high, same=(table.predicted == first.predicted).mean(),
                         difference=(table.confidence - first.confidence).abs().mean()))
        print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(HERE/'precision.csv', index=False, float_format='%.5g')

def resident(pid):
    "Memory of a process, MB."
    try: return int(next(l for l in Path(f'/proc/{pid}/status').read_text().splitlines() if l.startswith('VmRSS')).split()[1]) / 1000
    except (OSError, StopIteration): return np.nan

def measure_kill(run, listed, folder, n):
    out, memory, rows = folder/'killed', [], []
    shutil.rmtree(out, ignore_errors=True)
    command = ['carscope', 'predict', run.path, listed, '--out', out, '--top', '1']
    begin = time.perf_counter()
    for attempt in range(6):
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        start = time.perf_counter()
        while process.poll() is None:
            time.sleep(2)
            parts = len(list(out.glob('part-*.parquet'))) if out.exists() else 0
            memory.append(dict(seconds=time.perf_counter() - begin, attempt=attempt, parts=parts, resident_mb=resident(process.pid)))
            if attempt < 5 and parts >= (attempt + 1) * n / 10_000 / 6: process.kill()
        rows.append(dict(attempt=attempt, status=process.returncode, seconds=time.perf_counter() - start, parts=parts))
        print(rows[-1], flush=True)
    table = pd.read_parquet(out, columns=['image', 'error'])
    print(len(table), table.image.nunique(), int(table.error.notna().sum()))
    pd.DataFrame(rows).assign(rows=len(table), images=table.image.nunique()).to_csv(HERE/'kill.csv', index=False, float_format='%.5g')
    pd.DataFrame(memory).iloc[::max(len(memory) // 200, 1)].to_csv(HERE/'memory.csv', index=False, float_format='%.5g')

if __name__ == '__main__':
    data, run, folder, what, n = sys.argv[1], Run(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder/f'images-{n}.csv'
    if n and not listed.exists(): write_list(data, listed, n)
    dict(speed=measure_speed, kill=measure_kill, precision=measure_precision)[what](run, listed, folder, n)
