"""Train recipes with several seeds, and write their results beside this file.

    python results/stanford_cars/recipes/measure.py data/stanford_cars RUNS PART [SEED...]

PART is one of: own (each recipe with its own epochs; compared.csv and history.csv), equal (all recipes with the same number of epochs; equal.csv), pieces
(one_cycle with one setting changed; pieces.csv) and scratch (networks with random weights, one seed; scratch.csv). Complete runs in the folder RUNS are
not trained again, so the script can be interrupted. To train seeds at the same time, give each process one
(`OMP_NUM_THREADS=1 ... own 1 & ... own 2`), then call the script without seeds."""
import sys
from pathlib import Path

from carscope.data import read_catalog
from carscope.compare import compare_recipes, recipe_curves, recipe_table
from carscope.config import RECIPES, choose_recipe

SIZE, BUDGET, SEEDS = 96, 12, (1, 2, 3) # px, epochs, seeds
ARCH = 'tf_efficientnet_lite0'
OURS = choose_recipe('one_cycle', size=SIZE)

def shorten(recipe):
    "The recipe in BUDGET epochs, its drops of the learning rate in proportion."
    drops = dict(drop_epochs=max(1, round(recipe.drop_epochs * BUDGET / recipe.epochs))) if recipe.schedule in ('step', 'plateau') else {}
    return choose_recipe(recipe, epochs=BUDGET, **drops)

OWN = {name: choose_recipe(name, size=SIZE) for name in RECIPES}
EQUAL = {name: shorten(recipe) for name, recipe in OWN.items()}
PIECES = {'one_cycle as shipped': OURS} | {what: choose_recipe(OURS, **change) for what, change in {
    'ten epochs of the head first': dict(head_epochs=10), 'one learning rate for all layers': dict(lr_decay=1), 'layer-wise decay 0.75': dict(lr_decay=.75), 'twice the learning rate': dict(lr=2*OURS.lr),
    'half the learning rate': dict(lr=OURS.lr/2), 'half the batch size': dict(batch_size=16),
    'cosine schedule without warm-up': dict(schedule='cosine'), 'no label smoothing': dict(label_smoothing=0), 'no augmentation': dict(augment='none'),
    'heavy augmentation': dict(augment='heavy'), 'mixup 0.2': dict(mixup=.2), 'cutmix 1': dict(cutmix=1), 'EMA of weights': dict(ema=.99),
    'progressive resizing': dict(start_scale=.6), 'two of eight layer groups frozen': dict(frozen=2), 'evaluated at 96 px': dict(test_scale=1), 'twice the epochs': dict(epochs=2*OURS.epochs)}.items()}
FROM_SCRATCH = choose_recipe('one_cycle', size=SIZE, epochs=40, lr_decay=1)

def main(data, runs, part, *seeds):
    if part not in ('own', 'equal', 'pieces', 'scratch'): sys.exit(f"'{part}' is no part: choose own, equal, pieces or scratch")
    if wrong := [seed for seed in seeds if not seed.isdecimal()]: sys.exit(f"'{wrong[0]}' is no seed: use whole numbers")
    here, runs, cars = Path(__file__).parent, Path(runs), read_catalog(data)
    labels = sorted(cars.label.unique())
    chosen, others = (cars[cars.label.isin(labels[i::5])] for i in (0, 2))  # every fifth class; pieces are chosen on other classes
    settings = dict(valid=.1, test=.3, seeds=[int(s) for s in seeds] or SEEDS[:1 if part == 'scratch' else None], progress=True)
    if part == 'scratch':
        archs = {ARCH: ARCH, 'plain_scratch': 'plain_scratch', 'residual_scratch': 'residual_scratch'}
        found = {k: run for name, arch in archs.items() for k, run in compare_recipes(chosen, runs/part, {name: FROM_SCRATCH}, arch=arch, weights='none', **settings).items()}
    elif part == 'pieces': found = compare_recipes(others, runs/part, PIECES, arch=ARCH, **settings | dict(valid=.05, test=.35))
    else: found = compare_recipes(chosen, runs/part, dict(own=OWN, equal=EQUAL)[part], arch=ARCH, **settings)
    if seeds: return
    table = recipe_table(found, 'test', dict(pieces='one_cycle as shipped', scratch=None).get(part, 'one_cycle'))
    table.to_csv(here/f"{'compared' if part == 'own' else part}.csv", index=False, float_format='%.4f')
    if part == 'own': recipe_curves(found).to_csv(here/'history.csv', index=False, float_format='%.5g')

if __name__ == '__main__': main(*sys.argv[1:])
