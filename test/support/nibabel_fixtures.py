"""Writes NIfTI files with nibabel and what they hold as .npy, for test/unit/io/nifti-nibabel.test.ts.

Usage: nibabel_fixtures.py DIRECTORY. Prints one JSON list: name, data type, affine, shape, tolerance.
"""

import json
import os
import sys

import nibabel
import numpy

out = sys.argv[1]
rng = numpy.random.default_rng(20240501)
cases = []


def save(name, klass, values, dtype, endianness, suffix, slope=None, inter=0.0, qform_only=False, codes=(4, 4)):
    header = klass.header_class(endianness=endianness)
    header.set_data_dtype(dtype)
    angle = 0.3
    turn = numpy.array([[numpy.cos(angle), -numpy.sin(angle), 0], [numpy.sin(angle), numpy.cos(angle), 0], [0, 0, 1]])
    affine = numpy.eye(4)
    affine[:3, :3] = turn @ numpy.diag([-2.0, 2.5, 3.0])
    affine[:3, 3] = [10.5, -20.25, 30.125]
    image = klass(values.astype(dtype), None, header)
    image.header.set_data_dtype(dtype)
    image.set_qform(affine, code=codes[0])
    if qform_only:
        image.set_sform(None, code=0)
    else:
        skewed = affine.copy()
        skewed[0, 1] += 0.25
        image.set_sform(skewed, code=codes[1])
    if slope is not None:
        image.header.set_slope_inter(slope, inter)
    path = os.path.join(out, name + suffix)
    nibabel.save(image, path)
    loaded = nibabel.load(path)
    data = loaded.get_fdata(dtype=numpy.float64)
    numpy.save(os.path.join(out, name + ".npy"), data)
    numpy.save(os.path.join(out, name + "_f.npy"), numpy.asfortranarray(data))
    cases.append(
        {
            "name": name,
            "file": name + suffix,
            "dtype": numpy.dtype(dtype).name,
            "affine": [float(x) for x in (loaded.get_qform() if qform_only else loaded.get_sform()).ravel()],
            "shape": list(data.shape),
            "little_endian": loaded.header.endianness == "<",
            "version": 2 if klass is nibabel.Nifti2Image else 1,
        }
    )


shape = (5, 4, 3)
types = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
for klass, version in ((nibabel.Nifti1Image, 1), (nibabel.Nifti2Image, 2)):
    for endianness, letter in (("<", "le"), (">", "be")):
        for kind in types:
            if kind.startswith("float"):
                values = rng.normal(size=shape)
            else:
                limits = numpy.iinfo(kind)
                values = rng.integers(max(limits.min, -(2**40)), min(limits.max, 2**40), size=shape)
            suffix = ".nii.gz" if letter == "le" else ".nii"
            save(f"{kind}_{version}_{letter}", klass, values, kind, endianness, suffix)
            if kind in ("int16", "uint8", "float32"):
                save(f"{kind}_{version}_{letter}_scaled", klass, values, kind, endianness, suffix, 0.125, -3.5)
save("qform", nibabel.Nifti1Image, rng.normal(size=shape), "float32", "<", ".nii.gz", qform_only=True)
save("qform_above_sform", nibabel.Nifti1Image, rng.normal(size=shape), "float32", "<", ".nii.gz", codes=(4, 1))
save("one_volume", nibabel.Nifti1Image, rng.normal(size=(5, 4, 3, 1)), "float32", "<", ".nii")
save("series", nibabel.Nifti1Image, rng.normal(size=(3, 4, 5, 2)), "float64", "<", ".nii.gz")
for kind in ("complex64", "complex128"):
    values = (rng.normal(size=shape) + 1j).astype(kind)
    nibabel.save(nibabel.Nifti1Image(values, numpy.eye(4)), os.path.join(out, kind + ".nii"))
rgb = numpy.zeros(shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
nibabel.save(nibabel.Nifti1Image(rgb, numpy.eye(4)), os.path.join(out, "rgb24.nii"))
numpy.save(os.path.join(out, "half.npy"), numpy.array([1.5, -2.25, 6e-8, numpy.inf], dtype="<f2"))
numpy.save(os.path.join(out, "bool.npy"), numpy.array([[True, False], [False, True]]))
numpy.save(os.path.join(out, "big.npy"), numpy.array([1.5, -2.0], dtype=">f8"))
numpy.save(os.path.join(out, "scalar.npy"), numpy.float64(3.25))
with open(os.path.join(out, "v3.npy"), "wb") as handle:
    numpy.lib.format.write_array(handle, numpy.arange(6, dtype="<i4").reshape(2, 3), version=(3, 0))
with open(os.path.join(out, "v2.npy"), "wb") as handle:
    numpy.lib.format.write_array(handle, numpy.arange(6, dtype="<i4").reshape(2, 3), version=(2, 0))
print(json.dumps(cases))
