"""What the original does with a picture, in Python: answers requests of data.ts, a line of JSON each.   python3 data.py"""
import json, math, sys, time
import cv2, numpy as np, torch
from PIL import Image


def align(image, left, right):
    """The eyes level: by atan(dy/dx) about the middle between them."""
    dx, dy = right[0] - left[0], right[1] - left[1]
    angle = math.copysign(90., dy) if dx == 0 else math.degrees(math.atan(dy / dx))
    m = cv2.getRotationMatrix2D(((left[0] + right[0]) // 2, (left[1] + right[1]) // 2), angle, 1)
    return m, cv2.warpAffine(image, m, image.shape[:2], flags=cv2.INTER_CUBIC)


def crop(image, m, box):
    x, y, w, h = box
    px, py = m @ [x, y, 1]
    return Image.fromarray(image).crop((px, py, px + w, py + h))


def decode(content):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def resize(face, size):
    return np.asarray(face.resize((size, size), Image.BILINEAR))


class Faces(torch.utils.data.Dataset):
    def __init__(self, faces, size):
        self.faces, self.size = faces, size

    def __len__(self):
        return len(self.faces)

    def __getitem__(self, i):
        face = self.faces[i]
        m, image = align(cv2.cvtColor(cv2.imread(face['file']), cv2.COLOR_BGR2RGB), face['left'], face['right'])
        return torch.from_numpy(resize(crop(image, m, face['box']), self.size).copy())


def stages(faces, size):
    """Milliseconds of processor time that each stage takes of all faces, and all of them together as one loop does them."""
    ms = {}

    def timed(stage, work):
        start = time.process_time()
        result = [work(i) for i in range(len(faces))]
        ms[stage] = 1000 * (time.process_time() - start)
        return result

    contents = timed('read', lambda i: open(faces[i]['file'], 'rb').read())
    images = timed('decode', lambda i: decode(contents[i]))
    aligned = timed('align', lambda i: align(images[i], faces[i]['left'], faces[i]['right']))
    timed('resize', lambda i: resize(crop(aligned[i][1], aligned[i][0], faces[i]['box']), size))
    data = Faces(faces, size)
    crops = timed('together', lambda i: data[i])
    return {'ms': ms, 'crop': crops[0].flatten().tolist()}


def loaded(loader):
    """Seconds of an epoch."""
    start = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - start


cv2.setNumThreads(1)
torch.set_num_threads(1)
loader = None
for line in sys.stdin:
    ask = json.loads(line)
    if ask['do'] == 'stages':
        answer = stages(ask['faces'], ask['size'])
    else:
        if loader is None:
            loader = torch.utils.data.DataLoader(Faces(ask['faces'], ask['size']), batch_size=8, num_workers=ask['workers'],
                                                 persistent_workers=True)
            loaded(loader)
        answer = {'seconds': loaded(loader)}
    print(json.dumps(answer), flush=True)
