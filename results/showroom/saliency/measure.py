"""How far maps of a run can be trusted: the scoreboard, the cascade of random weights, and what is drawn from them.

    python results/showroom/saliency/measure.py RUN NAME TARGET CARS [SHUFFLED]
    python results/showroom/saliency/measure.py FLAWED shortcut year CARS HONEST

RUN is a run on generated cars whose pictures are still there, or on photographs with boxes; TARGET what is asked (TOP or year), CARS how many of its test images are looked at, SHUFFLED a run
that learned shuffled labels. The second form compares a run that learned from cars with a planted shortcut with an honest one, on test images of the first, and writes shortcut.csv. Writes beside this file, or for photographs beside it under results/stanford_cars/saliency: NAME_scores.csv (a row a method and an image), NAME_parts.csv (and a
part), NAME_cascade.csv; for generated cars NAME_maps.npz (maps of a few cars by all methods) and NAME_decades.npz (mean maps, and shares of parts, by decade), and for classes NAME_worst.npz. No pictures, no names of files but those
of generated cars."""
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from carscope.maps import CONTROLS, METHODS, make_question, map_pictures
from carscope.pictures import load_image
from carscope.predictions import below_their_folder
from carscope.run import Run
from carscope.saliency import answers_redrawn, on_box, part_shares, part_worth, sanity_table, score_maps
from carscope.showroom import redraw

SIDE = 100 # pixels of maps that are kept

def main(folder, name, target, many, shuffled=None):
    here, run = Path(__file__).parent, Run(folder)
    net, config = run.network(), run.config
    question, test = make_question(target, config), run.predictions.of_split('test').table
    made = 'showroom' in set(test.source)
    out = here if made else here.parents[1]/'stanford_cars'/'saliency'
    out.mkdir(exist_ok=True)
    cars = test.sample(min(int(many), len(test)), random_state=0).reset_index(drop=True)
    if shuffled: shuffled = Run(shuffled).network(), Run(shuffled).config
    with tempfile.TemporaryDirectory() as drawn:
        redrawn = redraw(cars.image, drawn) if made else None
        scores, parts = score_maps(net, config, cars, question, redrawn=redrawn, shuffled=shuffled and (shuffled[0], make_question(target, shuffled[1])), progress=True)
    scores.to_csv(out/f'{name}_scores.csv', index=False, float_format='%.4g')
    if parts is not None: parts.to_csv(out/f'{name}_parts.csv.gz', index=False, float_format='%.4g')
    first = torch.cat([x for _, x, _, _ in map_pictures(net, config, cars.image[:12], question, 'centre')])
    sanity_table(net, first, question, progress=True).to_csv(out/f'{name}_cascade.csv', index=False, float_format='%.4g')
    if made: draw_from(net, config, question, test, cars, out, name)
    if made and target == 'TOP': draw_worst(net, config, test, out, name)

def shortcut(flawed, target, many, honest):
    "How much of each map lies beside the car, for a network that could learn the years from the surroundings and for one that could not, and what these are worth to each."
    test, rows = Run(flawed).predictions.of_split('test').table, []
    cars = test.sample(int(many), random_state=0).reset_index(drop=True)
    with tempfile.TemporaryDirectory() as drawn:
        redrawn = redraw(cars.image, drawn)
        for name, folder in dict(flawed=flawed, honest=honest).items():
            net, config = Run(folder).network(), Run(folder).config
            question = make_question(target, config)
            worth = part_worth(answers_redrawn(net, config, redrawn, question), cars.image)[:, 0]
            masks = np.stack([np.asarray(load_image(p))[..., 0] for p in redrawn[redrawn.part == ''].set_index('image')['mask'][cars.image]])
            for method in (*METHODS, *CONTROLS):
                share = part_shares(np.concatenate([m for *_, m in map_pictures(net, config, cars.image, question, method, progress=True)]), masks)[:, 0]
                rows.append(pd.DataFrame(dict(network=name, method=method, picture=range(len(cars)), share=share, worth=worth)))
    pd.concat(rows).to_csv(Path(__file__).parent/'shortcut.csv', index=False, float_format='%.4g')

def draw_from(net, config, question, test, cars, out, name):
    "Maps of some cars, and means over decades."
    small = lambda m: nn.functional.adaptive_avg_pool2d(torch.from_numpy(m)[:, None], SIDE)[:, 0].numpy()
    seen, kept = below_their_folder(cars, test.image).image[:8], {}
    for method in (*METHODS, *CONTROLS):
        maps = small(np.concatenate([m for *_, m in map_pictures(net, config, cars.image[:8], question, method)]))
        kept[method] = (255 * np.clip(maps / np.maximum(np.quantile(maps, .995, axis=(1, 2), keepdims=True), 1e-30), 0, 1)).round().astype(np.uint8)
    answers = torch.cat([l for _, _, l, _ in map_pictures(net, config, cars.image[:8], question, 'centre')])
    np.savez_compressed(out/f'{name}_maps.npz', image=seen.to_numpy(str), predicted=cars.predicted[:8].to_numpy(str), truth=cars.target[:8].to_numpy(str), answer=question.read(answers).gather(1, question.columns(answers)[:, None])[:, 0].numpy(), **kept)
    many = test.sample(min(480, len(test)), random_state=1)
    maps = np.concatenate([m for *_, m in map_pictures(net, config, many.image, question, 'layercam', progress=True)])
    masks = np.stack([np.asarray(load_image(p.replace('images', 'masks').replace('.jpg', '.png')))[..., 0] for p in many.image])
    sizes = np.array([load_image(p).size for p in many.image], float)
    boxes = many[['x1', 'y1', 'x2', 'y2']].to_numpy(float) / np.concatenate([sizes, sizes], 1)
    decade = (many.year.astype(int) // 10 * 10).to_numpy()
    decades = np.unique(decade)
    aligned = on_box(maps, boxes)
    shares, area = part_shares(maps, masks), part_shares(np.ones_like(maps), masks)
    np.savez_compressed(out/f'{name}_decades.npz', decade=decades, cars=[(decade == d).sum() for d in decades], maps=np.stack([np.nanmean(aligned[decade == d], 0) for d in decades]).astype(np.float16),
                        shares=np.stack([np.nanmean(shares[decade == d], 0) for d in decades]), area=np.stack([area[decade == d].mean(0) for d in decades]))

def draw_worst(net, config, test, out, name, most=4):
    "Of each class that is told worst, the car that was most surely taken for another: why that class, and why not the true one."
    wrong = test[test.predicted != test.target]
    worst = (test.predicted == test.target).groupby(test.target).mean().nsmallest(most)
    cars = wrong[wrong.target.isin(worst.index)].sort_values('confidence').drop_duplicates('target', keep='last').set_index('target').loc[worst.index].reset_index()
    kept = dict(image=below_their_folder(cars, test.image).image.to_numpy(str), truth=cars.target.to_numpy(str), predicted=cars.predicted.to_numpy(str), confidence=cars.confidence.to_numpy(float), right=worst.to_numpy(float))
    for kind, asked in dict(why=[c.predicted for c in cars.itertuples()], instead=[f'{c.predicted} vs {c.target}' for c in cars.itertuples()]).items():
        maps = [next(m for *_, m in map_pictures(net, config, [image], make_question(a, config), 'layercam')) for image, a in zip(cars.image, asked)]
        maps = nn.functional.adaptive_avg_pool2d(torch.from_numpy(np.concatenate(maps))[:, None], SIDE)[:, 0].numpy()
        kept[kind] = (255 * np.clip(maps / np.quantile(maps, .995, axis=(1, 2), keepdims=True).clip(1e-30), 0, 1)).round().astype(np.uint8)
    np.savez_compressed(out/f'{name}_worst.npz', **kept)

if __name__ == '__main__': shortcut(sys.argv[1], *sys.argv[3:]) if sys.argv[2] == 'shortcut' else main(*sys.argv[1:])
