"""How much the similarity of maps varies between images and between random networks: a row per method, random network and image.

    python results/showroom/saliency/random_networks.py NAME=RUN=TARGET...

RUN is a run folder, TARGET the explained output (TOP or year), NAME the name of the network in the table. Held-out images, drawn at random: 80 and 16 random
networks for methods with one or two passes per image, 24 and 6 for the others, which take dozens. Writes random_networks.csv.gz beside this file, and keeps its
rows of other networks."""
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from carscope.maps import make_question, map_images, saliency_maps
from carscope.run import Run
from carscope.saliency import N_IMAGES, excess_similarity, randomise

PLAN = [(('gradient', 'gradcam', 'layercam', 'guided_backprop'), 80, 16), (('integrated_gradients', 'smoothgrad', 'occlusion'), 24, 6)]

def similarities(name, folder, target):
    "The table of one network."
    run = Run(folder)
    net, config = run.network(), run.config
    question, own = make_question(target, config), run.predictions.table
    held_out, tables = own[own.split != 'train'].sample(frac=1, random_state=0), []
    for methods, n_images, n_networks in PLAN:
        x = torch.cat([x for _, x, _, _ in map_images(net, config, held_out.image[:n_images], question, 'centre')])
        with torch.no_grad(): columns = question.columns(net.eval()(x))
        random = [randomise(net, x[:N_IMAGES], seed=seed) for seed in range(n_networks)]
        for method in methods:
            explain = lambda some: saliency_maps(some, x, question, method, columns=columns)
            maps = explain(net)
            for seed, some in enumerate(random):
                similarity = excess_similarity(maps, explain(some))
                tables.append(pd.DataFrame(dict(network=name, method=method, seed=seed, image=np.arange(len(x)), similarity=similarity)))
    return pd.concat(tables)

if __name__ == '__main__':
    file, new = Path(__file__).parent/'random_networks.csv.gz', pd.concat([similarities(*of.split('=')) for of in sys.argv[1:]])
    kept = pd.read_csv(file).query('network not in @new.network')
    pd.concat([kept, new]).to_csv(file, index=False, float_format='%.3f')
