"""The years of Stanford Cars in five folds, by model line and by image: the year of each car is predicted by a network that was not trained on its model line, or on its image.

    python results/stanford_cars/years/measure.py data/stanford_cars ARCH RUNS BY [FOLD...]

ARCH is as in `carscope train`. BY is group or image, or group-balanced, for which all years are drawn equally often instead of by the square root of their frequency. Writes beside this file: BY.csv.gz, one row per image with the prediction of the year model, the
median year of its training images, and the year of the class that a linear head on frozen features predicts; BY_intervals.csv, the coverage of intervals of each size, with the lowest and the highest coverage of a fold; and the rows of this network in networks.csv, the errors with their intervals. For other
networks than the default one, only networks.csv is written. Complete runs in the folder RUNS are not trained again; several processes can train one fold each, and a last call without folds writes the tables."""
import sys
from pathlib import Path

import pandas as pd

from carscope.data import check_images, fold_catalog, read_catalog, split_catalog, take_fold
from carscope.config import DEFAULT_ARCH, choose_recipe
from carscope.finetune import train
from carscope.inference import predict
from carscope.run import Run
from carscope.year_modernity import conformal_margin, interval_table, measure_years, relative_lead, year_table

YEAR, LABEL = choose_recipe('one_cycle', size=128, epochs=6, head='soft'), choose_recipe('frozen')
KEPT = ['make', 'model', 'body', 'group', 'label', 'year', 'fold', 'score', 'expected', 'median', 'low', 'high', 'crps', 'typicality', 'lead', 'relative_lead', 'outside', 'training_median', 'recognised']

def write_networks(arch, by, whole):
    "Replace the rows of a network in networks.csv."
    file, network = Path(__file__).parent/'networks.csv', Path(arch).name
    rows = measure_years(whole, {'median': whole.training_median}).assign(network=network, recipe=YEAR.name, by=by)
    if file.exists():
        others = pd.read_csv(file)
        same = (others.network == network) & (others.recipe == YEAR.name) & (others.by == by)
        rows = pd.concat([others[~same], rows])
    rows.to_csv(file, index=False, float_format='%.6g')

def main(data, arch, runs, name, *folds):
    if name not in ('group', 'image', 'group-balanced'): sys.exit(f"'{name}' is unknown: choose group, image or group-balanced")
    if wrong := set(folds) - set('01234'): sys.exit(f"there is no fold '{min(wrong)}': choose 0 to 4")
    by, _, balance = name.partition('-')
    with_label = arch == DEFAULT_ARCH and not balance
    here, cars = Path(__file__).parent, fold_catalog(check_images(read_catalog(data)), 5, by)
    year_of = cars.drop_duplicates('label').set_index('label').year.astype(int)
    for i in [int(f) for f in folds] or range(5):
        one = take_fold(cars, i)
        one = one.assign(split=one.split.mask(one.split == 'valid', 'test')) # the fold is the held-out test set
        known = one[one.split != 'test']
        # a tenth of the others calibrates the intervals; a class model does not know the classes of unseen model lines, so it is split by image
        for target, recipe, catalog in (('year', choose_recipe(YEAR, balance=balance or 'sqrt'), split_catalog(one, .1, by=by)), ('label', LABEL, split_catalog(known, .1)))[:1 + with_label]:
            folder = Path(runs)/f'{Path(arch).name}-{name}-{i}-{target}'
            if not (folder/'metrics.json').exists(): train(catalog, folder, target=target, arch=arch, recipe=recipe, checks=False, resume=True, progress=True)
    if folds: return
    tables, intervals = [], []
    for i in range(5):
        year = Run(Path(runs)/f'{Path(arch).name}-{name}-{i}-year')
        valid, test = (year.predictions.of_split(split) for split in ('valid', 'test'))
        table = year_table(test, conformal_margin(valid))
        intervals.append(interval_table(valid, test).assign(images=len(table)))
        table = table.assign(fold=i, training_median=year.config.data.train_median_year)
        if with_label: table['recognised'] = table.image.map(predict(Run(Path(runs)/f'{Path(arch).name}-{name}-{i}-label'), test.table.image, top=1).set_index('image').label.map(year_of))
        tables.append(table)
    whole = pd.concat(tables, ignore_index=True)
    write_networks(arch, name, whole)
    if arch != DEFAULT_ARCH: return
    whole.assign(relative_lead=relative_lead(whole))[[c for c in KEPT if c in {*whole, 'relative_lead'}]].to_csv(here/f'{name}.csv.gz', index=False, float_format='%.6g')
    held = pd.concat(intervals)
    folds = held.groupby('nominal').conformal.agg(['min', 'max']).rename(columns=dict(min='lowest_fold', max='highest_fold'))
    held = held.assign(**{c: held[c] * held.images for c in ('uncalibrated', 'conformal')}).groupby('nominal')[['uncalibrated', 'conformal', 'images']].sum()
    held = held.assign(**{c: held[c] / held.images for c in ('uncalibrated', 'conformal')}).join(folds)
    held.to_csv(here/f'{name}_intervals.csv', float_format='%.6g')

if __name__ == '__main__': main(*sys.argv[1:])
