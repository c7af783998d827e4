"""Errors of predicted boxes, boxes from saliency maps, and accuracy on crops to these boxes.

    python results/showroom/boxes/measure.py RUN [CLASSIFIER...]

RUN is a run with a box head, on generated cars or on photographs; CLASSIFIERs are further runs on the same images, which are evaluated on the same crops as
RUN. The script writes metrics.json (test images), boxes.csv.gz (a row per test image; file names of generated cars only), thresholds.csv (mean IoU of
boxes from maps on validation images, by method and threshold) and crops.csv (accuracy on test images, by crop). The files are beside this script, for
photographs in results/stanford_cars/boxes."""
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from carscope.localize import FOUND, box_scores, box_fractions, cropped_accuracy, map_boxes, box_iou
from carscope.maps import make_question, map_images
from carscope.run import Run
from carscope.saliency import box_truth

METHODS, THRESHOLDS = ('gradcam', 'layercam'), (.01, .02, .05, .1, .15, .2, .25, .3, .4, .5)

def main(folder, *classifiers):
    here, run = Path(__file__).parent, Run(folder)
    net, config = run.network(), run.config
    valid, test = (run.predictions.of_split(s).table for s in ('valid', 'test'))
    generated = 'showroom' in set(test.source)
    out = here if generated else here.parents[1]/'stanford_cars'/'boxes'
    out.mkdir(exist_ok=True)
    maps = lambda table, method: np.concatenate([m for *_, m in map_images(net, config, table.image, make_question('TOP', config), method, progress=True)])
    sweep = [dict(method=method, threshold=t, iou=box_iou(box_fractions(valid), map_boxes(on_valid, t)).nanmean().item()) for method in METHODS for on_valid in [maps(valid, method)] for t in THRESHOLDS]
    pd.DataFrame(sweep).to_csv(out/'thresholds.csv', index=False, float_format='%.4g')
    truth, scores = box_fractions(test), box_scores(test)
    for method in METHODS: # the threshold with the highest mean IoU on validation images
        on_test, best = maps(test, method), max((s for s in sweep if s['method'] == method), key=lambda s: s['iou'])['threshold']
        scores[method] = box_iou(truth, map_boxes(on_test, best)).nan_to_num().numpy()
        for name, boxes in dict(true=truth, found=box_fractions(test, FOUND)).items(): scores[f'{method}_in_{name}'] = box_truth(on_test, boxes).energy
    objective = config.objective.settings
    for name, box in dict(mean_box=objective['mean_box'], whole=(0., 0, 1, 1)).items(): scores[name] = box_iou(truth, np.tile(box, (len(test), 1))).numpy()
    scores['right'] = (test.predicted == test.target).to_numpy(int)
    if generated: scores = scores.assign(image=[Path(p).stem for p in test.image], **{c: v for c, v in zip(('x1', 'y1', 'x2', 'y2', *FOUND), np.hstack([truth, box_fractions(test, FOUND)]).T)})
    scores.to_csv(out/'boxes.csv.gz', index=False, float_format='%.4g')
    about = dict(images=config.data.images, size=config.recipe.size, epochs=config.recipe.epochs, split_by=config.split.by, weights={k: objective[k] for k in ('class_loss', 'l1', 'giou')}, layer=objective['layer'])
    (out/'metrics.json').write_text(json.dumps(about | run.metrics['test'] | {f'{m}_iou': float(scores[m].mean()) for m in METHODS}, indent=1) + '\n')
    crops = []
    for other in (folder, *classifiers):
        other = Run(other)
        cropped, boxes = other.config.preparation.crop, other.config.objective.name == 'class and box'
        trained_on = 'true boxes' if cropped else 'whole frames, with boxes' if boxes else 'whole frames'
        crops.append(cropped_accuracy(other.network(), other.config, test, progress=True).assign(trained_on=trained_on))
    pd.concat(crops).to_csv(out/'crops.csv', index=False, float_format='%.4g')

if __name__ == '__main__': main(*sys.argv[1:])
