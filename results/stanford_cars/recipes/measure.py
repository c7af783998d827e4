"""Train every recipe with several seeds, and write compared.csv, equal.csv, pieces.csv, scratch.csv and history.csv beside this file.

    python results/stanford_cars/recipes/measure.py data/stanford_cars weights/mobilenetv2_100.tf_in1k RUNS [SEED...]

Runs that are finished in the folder RUNS are not trained again, so it can be interrupted, and seeds can be trained side by side: give each
process one (`OMP_NUM_THREADS=1 ... RUNS 1 & ... RUNS 2`), then call it without seeds."""
import sys
from pathlib import Path

from carscope.data import read_catalog
from carscope.finetune import RECIPES, choose_recipe, compare_recipes, recipe_curves, recipe_table

SIZE, BUDGET, SEEDS = 96, 12, (1, 2, 3)  # pixels a side, epochs
OURS = choose_recipe('one_cycle', size=SIZE)

def shorten(recipe):
    "The recipe in BUDGET epochs, its drops of the learning rate in proportion."
    return choose_recipe(recipe, epochs=BUDGET, drop_epochs=max(1, round(recipe.drop_epochs * BUDGET / recipe.epochs)))

OWN = {name: choose_recipe(name, size=SIZE) for name in RECIPES}
EQUAL = {name: shorten(recipe) for name, recipe in OWN.items() if recipe.epochs != BUDGET}
PIECES = {'all of it': OURS} | {what: choose_recipe(OURS, **change) for what, change in {
    'no head first': dict(head_epochs=0), 'one rate for all layers': dict(lr_decay=1), 'rates fall by half': dict(lr_decay=.5), 'twice the rate': dict(lr=2*OURS.lr),
    'cosine without a rise': dict(schedule='cosine'), 'no label smoothing': dict(label_smoothing=0), 'pictures as they are': dict(augment='none'),
    'heavy augmentation': dict(augment='heavy'), 'mixup 0.2': dict(mixup=.2), 'cutmix 1': dict(cutmix=1), 'averaged weights': dict(ema=.99),
    'pictures that grow': dict(start_scale=.6), 'two of eight groups frozen': dict(frozen=2), 'judged at 96 px': dict(test_scale=1), 'twice the epochs': dict(epochs=2*OURS.epochs)}.items()}
FROM_NOTHING = choose_recipe('one_cycle', size=SIZE, epochs=40, head_epochs=0, lr_decay=1)

def main(data, weights, runs, *seeds):
    here, runs, cars = Path(__file__).parent, Path(runs), read_catalog(data)
    labels = sorted(cars.label.unique())
    chosen, others = (cars[cars.label.isin(labels[i::5])] for i in (0, 2))  # every fifth class; pieces are chosen on other classes
    pretrained = dict(arch=f'local-dir:{weights}', seeds=[int(s) for s in seeds] or SEEDS, progress=True)
    untrained = pretrained | dict(weights='none')
    own = compare_recipes(chosen, runs/'own', OWN, valid=.1, test=.3, **pretrained)
    equal = compare_recipes(chosen, runs/'equal', EQUAL, valid=.1, test=.3, **pretrained) | {k: run for k, run in own.items() if k[0] not in EQUAL}
    pieces = compare_recipes(others, runs/'pieces', PIECES, valid=.05, test=.35, **pretrained)
    scratch = {}
    for name, arch in {'MobileNetV2': pretrained['arch'], 'plain_scratch': 'plain_scratch', 'residual_scratch': 'residual_scratch'}.items():
        scratch |= compare_recipes(chosen, runs/'scratch', {name: FROM_NOTHING}, valid=.1, test=.3, **untrained | dict(arch=arch))
    if seeds: return
    recipe_table(pieces, 'test', 'all of it').to_csv(here/'pieces.csv', index=False, float_format='%.4f')
    for name, some in dict(compared=own, equal=equal, scratch=scratch).items():
        recipe_table(some, 'test', 'one_cycle' if name != 'scratch' else None).to_csv(here/f'{name}.csv', index=False, float_format='%.4f')
    recipe_curves(own).to_csv(here/'history.csv', index=False, float_format='%.4f')

if __name__ == '__main__': main(*sys.argv[1:])
