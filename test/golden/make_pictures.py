# BMP and PNM files of every kind and a JPEG, and the bytes that OpenCV's imread gives of them (as RGB): make_pictures.py OUT.safetensors
# Tensors: NAME.file, and NAME.rgb where OpenCV reads it. Needs python3-opencv and numpy; made with OpenCV 4.6.
import os, struct, sys, tempfile
import cv2, numpy as np
from make_goldens import save

W, H = 13, 7
rng = np.random.default_rng(5)
rgb = rng.integers(0, 256, (H, W, 3), np.uint8)
index = rng.integers(0, 256, (H, W), np.uint8)
palette = rng.integers(0, 256, (256, 4), np.uint8)
u16, u32, i32 = (lambda v: struct.pack('<H', v)), (lambda v: struct.pack('<I', v)), (lambda v: struct.pack('<i', v))


def bmp(bits, rows, compression=0, header=40, colours=None, used=0, height=H, masks=b'', width=W, offset=None):
    """rows: the pixels as stored, padding included."""
    if header == 12: info = u32(12) + u16(width) + u16(height) + u16(1) + u16(bits)
    else:
        info = u32(header) + i32(width) + i32(height) + u16(1) + u16(bits) + u32(compression) + u32(0) * 3 + u32(used) + u32(0)
        if header > 40: info, masks = (info + masks).ljust(header, b'\0'), b''
    table = b'' if colours is None else b''.join(bytes(c[:3]) if header == 12 else bytes(c) for c in colours)
    start = 14 + len(info) + len(masks) + len(table)
    return b'BM' + u32(start + len(rows)) + u32(0) + u32(offset or start) + info + masks + table + rows


def packed(bits, flip=True):
    """Rows of indices, each to four bytes."""
    out = b''
    for row in (index[::-1] if flip else index):
        digits = ''.join(format(int(v) & ((1 << bits) - 1), f'0{bits}b') for v in row)
        data = bytes(int(digits[i:i + 8].ljust(8, '0'), 2) for i in range(0, len(digits), 8))
        out += data.ljust(-(-len(data) // 4) * 4, b'\0')
    return out


def true(bits, flip=True):
    out = b''
    for row in (rgb[::-1] if flip else rgb):
        data = b''.join(bytes(p[::-1]) + (b'\x80' if bits == 32 else b'') for p in row)
        out += data.ljust(-(-len(data) // 4) * 4, b'\0')
    return out


words = b''.join(rng.integers(0, 256, W * 2, np.uint8).tobytes().ljust(28, b'\0') for _ in range(H))
ten = b''.join(u32((int(r) << 22) | (int(g) << 12) | (int(b) << 2)) for row in rgb[::-1] for r, g, b in row)
runs8 = b''.join([
    b'\x0d\x21', b'\0\0',                             # a whole row, then its end
    b'\x05\x11\x00\x05abcde\0\x03\x30', b'\0\0',      # a run, five as they stand, a run
    b'\x0d\x22',                                      # a whole row, with no end
    b'\x04\x41', b'\0\0',                             # the rest of the row is the first colour
    b'\0\2\x03\x01', b'\x02\x55', b'\0\0',            # three right and one down
    b'\0\1'])                                         # the end; one row is missing
runs4 = b''.join([b'\x0d\x12\0\0', b'\x05\x34\0\x05\x12\x34\x50\0\x03\x67\0\0'] + [b'\x0d' + bytes([0x10 * y + 3]) + b'\0\0' for y in range(5)])

files = {
    'bmp1': bmp(1, packed(1), colours=palette[:2]),
    'bmp4': bmp(4, packed(4), colours=palette[:16]),
    'bmp4_few': bmp(4, packed(4), colours=palette[:5], used=5),
    'bmp8': bmp(8, packed(8), colours=palette),
    'bmp8_grey': bmp(8, packed(8), colours=[[v, v, v, 0] for v in range(256)]),
    'bmp8_topdown': bmp(8, packed(8, False), colours=palette, height=-H),
    'bmp15': bmp(16, words),
    'bmp16_555': bmp(16, words, 3, masks=u32(0x7c00) + u32(0x3e0) + u32(0x1f)),
    'bmp16_565': bmp(16, words, 3, masks=u32(0xf800) + u32(0x7e0) + u32(0x1f)),
    'bmp16_444': bmp(16, words, 3, masks=u32(0xf00) + u32(0xf0) + u32(0xf)),
    'bmp24': bmp(24, true(24)),
    'bmp24_topdown': bmp(24, true(24, False), height=-H),
    'bmp24_gap': bmp(24, b'\xee' * 9 + true(24), offset=63),
    'bmp24_v4': bmp(24, true(24), header=108),
    'bmp24_v5': bmp(24, true(24), header=124),
    'bmp24_os2v2': bmp(24, true(24), header=64),
    'bmp32': bmp(32, true(32)),
    'bmp32_fields': bmp(32, true(32), 3, masks=u32(0xff0000) + u32(0xff00) + u32(0xff)),
    'bmp32_v4_fields': bmp(32, true(32), 3, header=108, masks=u32(0xff0000) + u32(0xff00) + u32(0xff) + u32(0xff000000)),
    'bmp32_v5_rgba': bmp(32, true(32), 3, header=124, masks=u32(0xff) + u32(0xff00) + u32(0xff0000) + u32(0xff000000)),
    'bmp32_v5_ten': bmp(32, ten, 3, header=124, masks=u32(0x3ff << 22) + u32(0x3ff << 12) + u32(0x3ff << 2) + u32(0)),
    'bmp1_os2': bmp(1, packed(1), header=12, colours=palette[:2]),
    'bmp4_os2': bmp(4, packed(4), header=12, colours=palette[:16]),
    'bmp8_os2': bmp(8, packed(8), header=12, colours=palette),
    'bmp24_os2': bmp(24, true(24), header=12),
    'bmp8_rle': bmp(8, runs8, 1, colours=palette),
    'bmp8_rle_out': bmp(8, b'\x0e\x01\0\1', 1, colours=palette),
    'bmp8_rle_cut': bmp(8, runs8[:20], 1, colours=palette),
    'bmp4_rle': bmp(4, runs4, 2, colours=palette[:16]),
    'bmp4_rle_end': bmp(4, b'\x0d\x12\0\0\x03\x12\0\1', 2, colours=palette[:16]),
    'bmp4_rle_delta': bmp(4, b'\x0d\x12\0\0\x03\x12\0\2\x02\x01' + b'\x05\x12\0\0' * 7 + b'\0\1', 2, colours=palette[:16]),
    'bmp24_cut': bmp(24, true(24)[:-5]),
    'bmp2': bmp(2, packed(4), colours=palette[:4]),
    'bmp24_png': bmp(24, true(24), 5),
    'bmp0': bmp(24, b'', width=0),
    'pbm_text': b'P1\n# a comment\n13 7\n' + b'\n'.join(''.join(str(v & 1) for v in row).encode() for row in index) + b'\n',
    'pbm_text_spaced': b'P1 13 7 ' + b' '.join(str(v & 1).encode() for v in index.ravel()) + b'\n',
    'pgm_text': b'P2 13 7 255\n' + b' '.join(str(v).encode() for v in index.ravel()) + b'\n',
    'pgm_text_100': b'P2\n13 7\n100\n# here too\n' + b' '.join(str(v).encode() for v in index.ravel()) + b'\n',
    'pgm_text_1000': b'P2\n13 7\n1000\n' + b' '.join(str(int(v) * 5).encode() for v in index.ravel()) + b'\n',
    'ppm_text': b'P3\n13\t7\r\n255\n' + b'\n'.join(str(v).encode() for v in rgb.ravel()) + b'\n',
    'pbm': b'P4\n13 7\n' + b''.join(np.packbits(row & 1).tobytes() for row in index),
    'pgm': b'P5\n13 7\n255\n' + index.tobytes(),
    'pgm_100': b'P5\n13 7\n100\n' + index.tobytes(),
    'pgm_16': b'P5\n13 7\n65535\n' + rng.integers(0, 65536, (H, W), np.uint16).tobytes(),
    'pgm_1023': b'P5\n13 7\n1023\n' + rng.integers(0, 1024, (H, W)).astype('>u2').tobytes(),
    'ppm': b'P6 13 7 255 ' + rgb.tobytes(),
    'ppm_comments': b'P6#one\n# two\n13 # three\n7\n255\n' + rgb.tobytes(),
    'ppm_comments_right': b'P6\n#one\n# two\n13 # three\n7\n255\n' + rgb.tobytes(),
    'ppm_16': b'P6\n13 7\n65535\n' + rng.integers(0, 65536, (H, W, 3), np.uint16).tobytes(),
    'ppm_cut': b'P6 13 7 255 ' + rgb.tobytes()[:-1],
    'ppm_zero': b'P6 13 0 255 ' + rgb.tobytes(),
    'ppm_deep': b'P6 13 7 65536 ' + rgb.tobytes() * 2,
    'ppm_negative': b'P6 -13 7 255 ' + rgb.tobytes(),
}
# A restart marker behind every unit of 16 x 16 pixels.
photo = cv2.resize(rgb, (40, 24), interpolation=cv2.INTER_CUBIC)
files['jpeg_restart'] = cv2.imencode('.jpg', photo, [cv2.IMWRITE_JPEG_RST_INTERVAL, 1])[1].tobytes()
tensors = {}
with tempfile.TemporaryDirectory() as tmp:
    for name, content in files.items():
        path = os.path.join(tmp, name)
        open(path, 'wb').write(content)
        tensors[name + '.file'] = np.frombuffer(content, np.uint8)
        try: got = cv2.imread(path)
        except cv2.error: got = None
        if got is not None: tensors[name + '.rgb'] = np.ascontiguousarray(got[:, :, ::-1])
        print(name, None if got is None else got.shape)
save(sys.argv[1], tensors, {'opencv': cv2.__version__})
