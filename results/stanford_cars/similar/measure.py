"""How often the nearest photograph shows a car of the same class, for classes that no network was trained on.

    python results/stanford_cars/similar/measure.py data/stanford_cars ARCH RUNS [NETWORK...]

ARCH is as in `carscope train`. The first 98 classes in alphabetical order are for training, the other 98 for testing, as usual for Stanford Cars in metric learning
(Song et al., 2016). NETWORK is classes, triplet or contrastive; each is trained with the recipe one_cycle for 8 epochs at 128 px, into the folder RUNS, if it
is not there yet. Writes recall.csv beside this file: a row per network (also the pretrained one), kind of match (class or model line) and number of neighbours,
with the gain over the pretrained network on the same images, or for triplet and contrastive over classes; and map.csv, a row per model line."""
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from carscope.data import check_images, read_catalog, split_catalog
from carscope.engine import choose_compute
from carscope.backbone import load_body
from carscope.config import choose_recipe
from carscope.finetune import train
from carscope.inference import Classification
from carscope.metrics import paired_gain
from carscope.run import Run, join_head
from carscope.similar import ClassAndDistances, embed, match_ranks, model_map, recall_at

OBJECTIVES = dict(classes=Classification(), triplet=ClassAndDistances(), contrastive=ClassAndDistances('contrastive'))

def loaded(run): return run.network(), run.config

def main(data, arch, runs, *networks):
    if unknown := set(networks) - set(OBJECTIVES): sys.exit(f"'{min(unknown)}' is no network: choose {', '.join(OBJECTIVES)}")
    here, cars = Path(__file__).parent, check_images(read_catalog(data))
    first = set(sorted(cars.label.unique())[:98])
    known, unseen = cars[cars.label.isin(first)].reset_index(drop=True), cars[~cars.label.isin(first)].reset_index(drop=True)
    catalog = pd.concat([split_catalog(known, .1), unseen.assign(split='test')], ignore_index=True)
    for name in networks:
        folder = Path(runs)/f'similar-{name}'
        if not (folder/'metrics.json').exists():
            train(catalog, folder, target='label', arch=arch, recipe=choose_recipe('one_cycle', size=128, epochs=8), valid=0, checks=False, objective=OBJECTIVES[name], resume=True, progress=True, workers=0)
    done = {name: loaded(Run(Path(runs)/f'similar-{name}')) for name in OBJECTIVES if (Path(runs)/f'similar-{name}'/'metrics.json').exists()}
    if 'classes' not in done: sys.exit(f'{runs} has no network that was trained on classes: add classes to the command')
    config = done['classes'][1]
    tables, found = [], {}
    for name, (net, config) in (dict(ImageNet=(join_head(load_body(arch)[0], config), config)) | done).items():
        features, rows = embed(net, config, unseen, choose_compute(), 0, True)
        for same, column in dict(classes='label', lines='group').items():
            table, ranks = recall_at(features, rows, unseen[column]), match_ranks(features, rows, unseen[column])
            found[name, same] = ranks[~np.isnan(ranks)] # unknown values have no rank
            if name != 'ImageNet':
                over = 'ImageNet' if name == 'classes' else 'classes'
                gains = [paired_gain(found[over, same] <= k, found[name, same] <= k) for k in table.k]
                table = table.assign(over=over).join(pd.DataFrame(gains, columns=['gain', 'gain_low', 'gain_high']))
            tables.append(table.assign(network=name, same=same))
    pd.concat(tables).to_csv(here/'recall.csv', index=False, float_format='%.4g')
    net, config = done['classes'] # all classes, those of the training set and the others
    model_map(*embed(net, config, cars, choose_compute(), 0, True), cars).to_csv(here/'map.csv', index=False, float_format='%.4g')

if __name__ == '__main__': main(*sys.argv[1:])
