"""How well a run recognises cars of classes that it was not trained on, and images without a car; and whether its promises hold.

    python results/stanford_cars/unknown/measure.py data/stanford_cars RUNS train frozen
    python results/stanford_cars/unknown/measure.py data/stanford_cars RUNS train one_cycle [classes | makes]
    python results/stanford_cars/unknown/measure.py data/stanford_cars RUNS tables
    python results/stanford_cars/unknown/measure.py data/stanford_cars RUNS few
    python results/stanford_cars/unknown/measure.py data/stanford_cars RUNS cars
    python results/stanford_cars/unknown/measure.py data/stanford_cars RUNS cost

train:  for five random splits, hides 40 classes, and then five whole makes; trains on the others, and measures all scores.
        With `classes` or `makes`, only these; two processes can train at the same time.
tables: one row per training and score, promise or level of the answer, in detection.csv, promises.csv, answers.csv and levels.csv; prints the
        means. Rows of trainings that are not in RUNS are kept.
few:    the promise of 5 % with three images per class, in few.csv.
cars:   whether photographs of cars, generated cars and images without a car pass the check for a car, in cars.csv.
cost:   milliseconds per image and bytes in the run, in cost.csv.
RUNS is a folder for the runs and their measurements; a measurement that is there is not made again."""
import sys
import time
from pathlib import Path

from carscope.config import choose_recipe
from carscope.data import check_images, read_catalog
from carscope.engine import choose_compute
from carscope.finetune import train
from carscope.inference import predict_logits
from carscope.levels import LEVELS, SafeAnswers
from carscope.metrics import conformal_quantile, wilson
from carscope.ood import MIN_CAR, CarCheck, detection_table, other_scores, with_distance
from carscope.readers.registry import as_catalog
from carscope.run import Run
from carscope.showroom import showroom
from carscope.showroom.scenes import draw_scenes
from carscope.similar import embed

import numpy as np
import pandas as pd
import torch
from PIL import Image

HERE, SPLITS, SIZES = Path(__file__).parent, range(5), dict(frozen=224, one_cycle=128)

def hidden_classes(catalog, kind, seed):
    "40 classes, or the classes of five makes with together at least 5 and at most 60 classes."
    rng, classes = np.random.default_rng(seed), catalog.drop_duplicates('label')
    if kind == 'classes': return set(rng.choice(classes.label.to_numpy(str), 40, replace=False))
    while True:
        makes = rng.choice(classes.make.dropna().unique(), 5, replace=False)
        found = set(classes.label[classes.make.isin(makes)])
        if 5 <= len(found) <= 60: return found

def no_cars(folder):
    "Images that are no cars: generated scenes, and the photographs that scikit-image and scikit-learn install."
    import skimage
    import sklearn
    places = Path(skimage.__file__).parent/'data', Path(sklearn.__file__).parent/'datasets'/'images'
    photographs = [p for place in places for p in sorted(place.iterdir()) if p.suffix in ('.png', '.jpg', '.gif')]
    folder.mkdir(parents=True, exist_ok=True)
    for path in photographs: Image.open(path).convert('RGB').save(folder/f'{path.stem}.png')
    return dict(scenes=draw_scenes(folder/'scenes', 60), objects=sorted(map(str, folder.glob('*.png'))))

def outputs(run, images, compute):
    "Features (n, width) and logits (n, classes) of images."
    net, config = run.network(), run.config
    if config.recipe.unfreeze: features = predict_logits(net.body, images, config, compute, width=config.backbone.features)
    else: # the body is the same in all runs, so the features are in the cache
        store, rows = embed(net, config, check_images(as_catalog(dict(image=images))), compute)
        features = store[rows]
    with torch.inference_mode(): return features, net[1:](torch.from_numpy(features)).numpy()

def measure(data, runs, recipe, kinds):
    catalog, compute = read_catalog(data), choose_compute('auto')
    others = no_cars(runs/'no cars') | dict(generated=showroom(200, seed=5, progress=False).image.tolist())
    for seed in SPLITS:
        for kind in kinds:
            folder = runs/f'{recipe}-{kind}-{seed}'
            if (folder/'scores.parquet').exists(): continue
            hidden = hidden_classes(catalog, kind, seed)
            known = catalog[~catalog.label.isin(hidden)].reset_index(drop=True)
            start = time.perf_counter()
            run = train(known, folder, arch='tf_efficientnet_lite0', recipe=choose_recipe(recipe, size=SIZES[recipe]), valid=.1,
                        test=.2, seed=seed, overwrite=True, checks=False)
            minutes = (time.perf_counter() - start) / 60
            sets = {s: run.catalog[run.catalog.split == s].image.tolist() for s in ('train', 'valid', 'test')} | others
            sets[f'hidden {kind}'] = run.prepare(catalog[catalog.label.isin(hidden)]).image.tolist()
            train_features = outputs(run, sets.pop('train'), compute)[0]
            train_classes = run.catalog.label[run.catalog.split == 'train']
            parts = []
            for name, images in sets.items():
                features, logits = outputs(run, images, compute)
                distance = run.detector.distance(torch.from_numpy(features)).numpy()
                scores = other_scores(train_features, train_classes, features, logits / run.config.calibration.temperature)
                parts.append(scores.assign(distance=distance, combined=run.detector.scores(distance, logits), images=name))
            pd.concat(parts, ignore_index=True).to_parquet(folder/'scores.parquet')
            print(f"{folder.name}: accuracy {run.metrics['test']['accuracy']:.3f}, {len(hidden)} hidden classes, {minutes:.1f} min", flush=True)

def write_tables(runs):
    detection, promises, answers, by_level = [], [], [], []
    for file in sorted(runs.glob('*/scores.parquet')):
        recipe, kind, seed = file.parent.name.rsplit('-', 2)
        scores, run, about = pd.read_parquet(file), Run(file.parent), dict(recipe=recipe, kind=kind, seed=int(seed))
        parts = {name: part.drop(columns='images') for name, part in scores.groupby('images')}
        for name in (n for n in parts if n not in ('valid', 'test')):
            table = detection_table(parts['valid'], parts['test'], parts[name])
            detection.append(table.assign(**about, others=name, images=len(parts[name])).reset_index())
        for refused in .01, .05, .1:
            limit = conformal_quantile(parts['valid'].combined, 1 - refused)
            k, n = int((parts['test'].combined > limit).sum()), len(parts['test'])
            promises.append(about | dict(promised=refused, refused=k / n, low=wilson(k, n)[0], high=wilson(k, n)[1], images=n))
        facts, p = run.catalog.assign(target=run.catalog.label), run.predictions
        for error in .01, .05, .1:
            safe, test = SafeAnswers.fit(p.of_split('valid'), error, facts), p.of_split('test')
            answer = safe(test)
            of_level = {level: (answer.level == level).fillna(False).to_numpy(bool) for level in LEVELS}
            failed = answer.answer.notna().to_numpy() & ~safe.right(test, answer)
            wrong, n = int(failed.sum()), len(answer)
            for level, at in of_level.items():
                k, m = int((failed & at).sum()), int(at.sum())
                low, high = wilson(k, m)
                by_level.append(about | dict(promised=error, level=level, answers=m, wrong=k / m if m else np.nan, low=low, high=high))
            levels = {f'answered by {level}': at.mean() for level, at in of_level.items()}
            answers.append(about | dict(promised=error, wrong=wrong / n, low=wilson(wrong, n)[0], high=wilson(wrong, n)[1],
                                        images=n, **levels, nothing=answer.level.isna().mean(),
                                        accuracy=run.metrics['test']['accuracy']))
    training = ['recipe', 'kind', 'seed']
    for name, rows in dict(detection=pd.concat(detection, ignore_index=True), promises=pd.DataFrame(promises),
                           answers=pd.DataFrame(answers), levels=pd.DataFrame(by_level)).items():
        before = pd.read_csv(HERE/f'{name}.csv') if (HERE/f'{name}.csv').exists() else rows[:0]
        before = before[~before.set_index(training).index.isin(rows.set_index(training).index)]
        rows = pd.concat([before, rows], ignore_index=True).sort_values(training, kind='stable')
        rows.to_csv(HERE/f'{name}.csv', index=False, float_format='%.4g')
        keys = [c for c in ('recipe', 'kind', 'others', 'score', 'promised', 'level') if c in rows]
        print(rows.drop(columns=[c for c in rows if 'low' in c or 'high' in c or c in ('seed', 'images')]).groupby(keys).mean()
              .round(3).to_string(), '\n')

def few(data, runs):
    "Three images per class for training, and a tenth as many for validation."
    catalog, rows = read_catalog(data), []
    for seed in SPLITS:
        some = catalog.groupby('label').sample(3, random_state=seed).assign(split=pd.NA)
        test = catalog.drop(some.index).groupby('label').sample(4, random_state=seed).assign(split='test')
        run = train(pd.concat([some, test], ignore_index=True), runs/f'few-{seed}', arch='tf_efficientnet_lite0',
                    recipe=choose_recipe('frozen', size=128), valid=.1, seed=seed, overwrite=True, checks=False)
        test = run.predictions.of_split('test')
        known = run.detector.answers(test.table.distance, test.logits).known
        k, n = int((~known).sum()), len(known)
        rows.append(dict(seed=seed, training=run.config.data.images['train'], validation=run.config.ood.n, accuracy=run.metrics['test']['accuracy'],
                         promised=run.config.ood.refused, refused=k / n, low=wilson(k, n)[0], high=wilson(k, n)[1], images=n))
    pd.DataFrame(rows).to_csv(HERE/'few.csv', index=False, float_format='%.4g')
    print(pd.DataFrame(rows))

def cars(data, runs):
    check, rows = CarCheck(choose_compute('cpu')), []
    others = no_cars(runs/'no cars')
    sets = dict(photographs=read_catalog(data).image.tolist()) | others
    sets |= {f'generated, {size} px': showroom(400, seed=7, size=size, progress=False).image.tolist() for size in (96, 224)}
    for name, images in sets.items():
        p = check(images)
        k, n = int((p >= MIN_CAR).sum()), len(p)
        rows.append(dict(images=name, n=n, car=k / n, low=wilson(k, n)[0], high=wilson(k, n)[1],
                         **{f'quantile {q}': np.quantile(p, q) for q in (0, .01, .5, .99, 1)}))
    pd.DataFrame(rows).to_csv(HERE/'cars.csv', index=False, float_format='%.4g')
    print(pd.DataFrame(rows).round(3).to_string())

def cost(data, runs):
    "On two quiet cores: the median of five rounds over 400 photographs."
    run, compute = Run(runs/'frozen-classes-0'), choose_compute('cpu')
    net, config, detector = run.network(), run.config, run.detector
    images, rounds = run.catalog.image[:400].tolist(), []
    check = CarCheck(compute)
    features = torch.from_numpy(outputs(run, images, compute)[0])
    for _ in range(5):
        times = {}
        for name, work in {'prediction': lambda: predict_logits(net, images, config, compute),
                           'prediction with distance': lambda: predict_logits(with_distance(net, detector.distance), images, config, compute,
                                                                              width=len(config.vocab) + 1),
                           'distance alone': lambda: detector.distance(features), 'check for a car': lambda: check(images)}.items():
            start = time.perf_counter()
            work()
            times[name] = 1000 * (time.perf_counter() - start) / len(images)
        rounds.append(times)
    table = pd.DataFrame(rounds).median().rename('milliseconds per image').to_frame()
    table.loc['ood.safetensors (bytes)'] = (run.path/'ood.safetensors').stat().st_size
    table.loc['model.safetensors (bytes)'] = (run.path/'model.safetensors').stat().st_size
    table.rename(columns={'milliseconds per image': 'value'}).to_csv(HERE/'cost.csv', float_format='%.4g')
    print(table)

if __name__ == '__main__':
    data, runs, what = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    if what == 'train': measure(data, runs, sys.argv[4], sys.argv[5:] or ['classes', 'makes'])
    elif what == 'tables': write_tables(runs)
    else: dict(few=few, cars=cars, cost=cost)[what](data, runs)
