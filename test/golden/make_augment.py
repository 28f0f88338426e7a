"""What torchvision makes of pictures with given random numbers.   usage: make_augment.py OUT   -> OUT/augment.safetensors

Draws are numbers of a stream (src/base/random.ts): h(i) >>> 8 times 2^-24, i counted as in src/data/augment.ts.
"""
import itertools, sys
import numpy as np
import torch
from PIL import Image
from torchvision.transforms import RandomErasing, functional as T

import hashinit
from make_goldens import save

SEED, EPOCH, ROWS = 7, 3, 200


def draws(name, n):
    return (hashinit.bits(f'{name}/{EPOCH}', n, SEED) >> np.uint32(8)).astype(np.float64) * 2.0 ** -24


def boxes(size, share):
    """[ROWS, 4] of x, y, width, height: RandomErasing's own get_params, with our numbers for its random ones, four a try."""
    tosses, numbers = draws('erase', ROWS), draws('erase box', ROWS * 40).reshape(ROWS, 40)
    found = np.zeros((ROWS, 4), np.int64)
    transform = RandomErasing()
    uniform, randint = torch.Tensor.uniform_, torch.randint
    for row in np.flatnonzero(tosses < share):
        # Two shapes a try, then two places of the last.
        shapes, places = itertools.count(), itertools.count()

        def shape(self, low, high):
            i = next(shapes)
            return torch.tensor([low + (high - low) * numbers[row, i // 2 * 4 + i % 2]], dtype=torch.float64)

        def place(low, high, size):
            last = next(shapes) // 2 - 1
            return torch.tensor([low + int(numbers[row, last * 4 + 2 + next(places)] * (high - low))])

        torch.Tensor.uniform_, torch.randint = shape, place
        try:
            y, x, h, w, _ = transform.get_params(torch.zeros(3, size, size), transform.scale, transform.ratio, [0])
        finally:
            torch.Tensor.uniform_, torch.randint = uniform, randint
        found[row] = (x, y, w, h) if h < size else 0
    return found


def colors(picture, factors):
    """The picture through adjust_brightness, adjust_contrast and adjust_saturation, on Pillow's bytes."""
    image = Image.fromarray(picture)
    for adjust, factor in zip((T.adjust_brightness, T.adjust_contrast, T.adjust_saturation), factors):
        image = adjust(image, factor)
    return np.asarray(image)


if __name__ == '__main__':
    pictures = (hashinit.bits('pictures', 3 * 21 * 19 * 3, 1) >> np.uint32(24)).astype(np.uint8).reshape(3, 21, 19, 3)
    # One dim and flat, one bright: blends that leave 0..255 on either side.
    pictures[1] //= 5
    pictures[2] = 255 - pictures[2] // 3
    strength = .8
    factors = np.stack([np.floor(4096 * (1 + strength * (2 * draws(name, ROWS) - 1)) + .5) for name in ('brightness', 'contrast', 'saturation')], 1)
    shown = np.stack([colors(pictures[i % 3], factors[i] / 4096) for i in range(24)])
    save(f'{sys.argv[1]}/augment.safetensors', {
        'pictures': pictures, 'factors': factors.astype(np.int64), 'colors': shown,
        'boxes.227': boxes(227, .7), 'boxes.6': boxes(6, 1.),
    }, {'seed': str(SEED), 'epoch': str(EPOCH), 'color_jitter': str(strength)})
