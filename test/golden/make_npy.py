"""Small .npy files as NumPy writes them, and what is in them: python3 make_npy.py"""
import json
import os

import numpy as np
from numpy.lib import format as npy

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "npy")
points = np.arange(136) * 1.5 + 10.25
grid = np.arange(6).reshape(2, 3)
arrays = {
    "exp_int": np.array(3),
    "exp_text1": np.array("3"),
    "exp_text20": np.array("7", dtype="<U20"),
    "exp_text_big": np.array("5", dtype=">U3"),
    "exp_bytes": np.array(b"6"),
    "exp_one": np.array([2], dtype="u1"),
    "val_text": np.array("-0.496032", dtype="<U20"),
    "aro_f8": np.array(-0.25),
    "lnd_f8": points,
    "lnd_68x2": points.reshape(68, 2).astype("f4"),
    "lnd_fortran": np.asfortranarray(points.reshape(68, 2)),
    "lnd_i2": points.astype(">i2"),
    "fortran_i4": np.asfortranarray(grid.astype("<i4")),
    "big_endian_f4": grid.astype(">f4") / 4,
    "half": np.array([1.5, -0.1, np.inf, np.nan], dtype="f2"),
    "bool": np.array([True, False]),
    "u8_large": np.array([2**64 - 1, 7], dtype="u8"),
    "i8": np.array([-(2**40), 5], dtype=">i8"),
    "texts": np.array(["a", "ängstlich", "", "\U0001f600x"]),
    "bytes_list": np.array([b"ab", b"c"]),
    "empty": np.zeros((0, 3), dtype="f4"),
}
values = {}
for name, array in arrays.items():
    np.save(os.path.join(here, name + ".npy"), array)
    listed = [v.decode("latin1") if isinstance(v, bytes) else v for v in array.ravel().tolist()]
    values[name] = {"shape": list(array.shape), "values": [str(v) if isinstance(v, float) or abs(v if isinstance(v, int) else 0) > 2**53 else v for v in listed]}
for version in (2, 3):
    with open(os.path.join(here, f"version{version}.npy"), "wb") as file:
        npy.write_array(file, grid.astype("<f8"), version=(version, 0))
    values[f"version{version}"] = {"shape": [2, 3], "values": [str(float(v)) for v in range(6)]}
np.save(os.path.join(here, "refused_object.npy"), np.array([{"a": 1}, None], dtype=object))
np.save(os.path.join(here, "refused_structured.npy"), np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8")]))
np.save(os.path.join(here, "refused_complex.npy"), np.array([1j]))
np.save(os.path.join(here, "refused_time.npy"), np.array(["2020-01-01"], dtype="M8[D]"))
with open(os.path.join(here, "values.json"), "w") as file:
    json.dump(values, file, indent=1, ensure_ascii=False)
