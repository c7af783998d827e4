"""How far saliency maps of a run can be trusted: scores of each method, sanity checks, and maps for figures.

    python results/showroom/saliency/measure.py RUN NAME TARGET N [SHUFFLED]
    python results/showroom/saliency/measure.py FLAWED shortcut year N HONEST

RUN is a run on generated cars whose images are still there, or on photographs with boxes. TARGET is the explained output (TOP or year), N the
number of test images, SHUFFLED a run that was trained on shuffled labels. The second form compares two year models on test images of the first: one was
trained on cars with a planted shortcut, the other was not. It writes shortcut.csv. The first form writes NAME_scores.csv (a row per method and image),
NAME_parts.csv.gz (a row per method, image and part) and NAME_cascade.csv; for generated cars also NAME_maps.npz (maps of some cars by all methods) and
NAME_decades.npz (mean maps, and fractions of the maps on each part, by decade), and for classes NAME_worst.npz. The files are beside this script, for
photographs in results/stanford_cars/saliency. They contain no images, and file names of generated cars only."""
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from carscope.maps import CONTROLS, METHODS, make_question, map_images
from carscope.pictures import load_image
from carscope.predictions import below_their_folder
from carscope.run import Run
from carscope.saliency import on_box, part_fractions, predict_redrawn, sanity_table, score_maps, true_part_effects
from carscope.showroom import redraw

SIDE = 100 # of the saved maps, px

def main(folder, name, target, n, shuffled=None):
    here, run = Path(__file__).parent, Run(folder)
    net, config = run.network(), run.config
    question, test = make_question(target, config), run.predictions.of_split('test').table
    generated = 'showroom' in set(test.source)
    out = here if generated else here.parents[1]/'stanford_cars'/'saliency'
    out.mkdir(exist_ok=True)
    cars = test.sample(min(int(n), len(test)), random_state=0).reset_index(drop=True)
    if shuffled: shuffled = Run(shuffled).network(), Run(shuffled).config
    with tempfile.TemporaryDirectory() as drawn:
        redrawn = redraw(cars.image, drawn) if generated else None
        scores, parts = score_maps(net, config, cars, question, redrawn=redrawn, shuffled=shuffled and (shuffled[0], make_question(target, shuffled[1])), progress=True)
    scores.to_csv(out/f'{name}_scores.csv', index=False, float_format='%.4g')
    if parts is not None: parts.to_csv(out/f'{name}_parts.csv.gz', index=False, float_format='%.4g')
    first = torch.cat([x for _, x, _, _ in map_images(net, config, cars.image[:12], question, 'centre')])
    sanity_table(net, first, question, progress=True).to_csv(out/f'{name}_cascade.csv', index=False, float_format='%.4g')
    if generated: draw_from(net, config, question, test, cars, out, name)
    if generated and target == 'TOP': draw_worst(net, config, test, out, name)

def shortcut(flawed, target, n, honest):
    "The fraction of each map outside the car, and the effect of the background on the predicted year, with and without the shortcut."
    test, rows = Run(flawed).predictions.of_split('test').table, []
    cars = test.sample(int(n), random_state=0).reset_index(drop=True)
    with tempfile.TemporaryDirectory() as drawn:
        redrawn = redraw(cars.image, drawn)
        for name, folder in dict(flawed=flawed, honest=honest).items():
            net, config = Run(folder).network(), Run(folder).config
            question = make_question(target, config)
            effect = true_part_effects(predict_redrawn(net, config, redrawn, question), cars.image)[:, 0]
            masks = np.stack([np.asarray(load_image(p))[..., 0] for p in redrawn[redrawn.part == ''].set_index('image')['mask'][cars.image]])
            for method in (*METHODS, *CONTROLS):
                fraction = part_fractions(np.concatenate([m for *_, m in map_images(net, config, cars.image, question, method, progress=True)]), masks)[:, 0]
                rows.append(pd.DataFrame(dict(network=name, method=method, image=range(len(cars)), fraction=fraction, effect=effect)))
    pd.concat(rows).to_csv(Path(__file__).parent/'shortcut.csv', index=False, float_format='%.4g')

def draw_from(net, config, question, test, cars, out, name):
    "Maps of some cars, and means over decades."
    small = lambda m: nn.functional.adaptive_avg_pool2d(torch.from_numpy(m)[:, None], SIDE)[:, 0].numpy()
    seen, kept = below_their_folder(cars, test.image).image[:8], {}
    for method in (*METHODS, *CONTROLS):
        maps = small(np.concatenate([m for *_, m in map_images(net, config, cars.image[:8], question, method)]))
        kept[method] = (255 * np.clip(maps / np.maximum(np.quantile(maps, .995, axis=(1, 2), keepdims=True), 1e-30), 0, 1)).round().astype(np.uint8)
    answers = torch.cat([l for _, _, l, _ in map_images(net, config, cars.image[:8], question, 'centre')])
    np.savez_compressed(out/f'{name}_maps.npz', image=seen.to_numpy(str), predicted=cars.predicted[:8].to_numpy(str), truth=cars.target[:8].to_numpy(str), answer=question.read(answers).gather(1, question.columns(answers)[:, None])[:, 0].numpy(), **kept)
    sample = test.sample(min(480, len(test)), random_state=1)
    maps = np.concatenate([m for *_, m in map_images(net, config, sample.image, question, 'layercam', progress=True)])
    masks = np.stack([np.asarray(load_image(p.replace('images', 'masks').replace('.jpg', '.png')))[..., 0] for p in sample.image])
    sizes = np.array([load_image(p).size for p in sample.image], float)
    boxes = sample[['x1', 'y1', 'x2', 'y2']].to_numpy(float) / np.concatenate([sizes, sizes], 1)
    decade = (sample.year.astype(int) // 10 * 10).to_numpy()
    decades = np.unique(decade)
    aligned = on_box(maps, boxes)
    shares, area = part_fractions(maps, masks), part_fractions(np.ones_like(maps), masks)
    np.savez_compressed(out/f'{name}_decades.npz', decade=decades, cars=[(decade == d).sum() for d in decades], maps=np.stack([np.nanmean(aligned[decade == d], 0) for d in decades]).astype(np.float16),
                        shares=np.stack([np.nanmean(shares[decade == d], 0) for d in decades]), area=np.stack([area[decade == d].mean(0) for d in decades]))

def draw_worst(net, config, test, out, name, classes=4):
    "Of each class with the lowest accuracy, the error with the highest confidence: maps of the predicted class, and of its difference to the true class."
    wrong = test[test.predicted != test.target]
    worst = (test.predicted == test.target).groupby(test.target).mean().nsmallest(classes)
    cars = wrong[wrong.target.isin(worst.index)].sort_values('confidence').drop_duplicates('target', keep='last').set_index('target').loc[worst.index].reset_index()
    kept = dict(image=below_their_folder(cars, test.image).image.to_numpy(str), truth=cars.target.to_numpy(str), predicted=cars.predicted.to_numpy(str), confidence=cars.confidence.to_numpy(float), right=worst.to_numpy(float))
    for kind, asked in dict(why=[c.predicted for c in cars.itertuples()], instead=[f'{c.predicted} vs {c.target}' for c in cars.itertuples()]).items():
        maps = [next(m for *_, m in map_images(net, config, [image], make_question(a, config), 'layercam')) for image, a in zip(cars.image, asked)]
        maps = nn.functional.adaptive_avg_pool2d(torch.from_numpy(np.concatenate(maps))[:, None], SIDE)[:, 0].numpy()
        kept[kind] = (255 * np.clip(maps / np.quantile(maps, .995, axis=(1, 2), keepdims=True).clip(1e-30), 0, 1)).round().astype(np.uint8)
    np.savez_compressed(out/f'{name}_worst.npz', **kept)

if __name__ == '__main__': shortcut(sys.argv[1], *sys.argv[3:]) if sys.argv[2] == 'shortcut' else main(*sys.argv[1:])
