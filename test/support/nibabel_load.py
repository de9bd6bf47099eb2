"""Loads NIfTI files with nibabel and prints what it sees as JSON: nibabel_load.py FILE..."""

import json
import sys

import nibabel

seen = []
for path in sys.argv[1:]:
    image = nibabel.load(path)
    data = image.get_fdata()
    seen.append(
        {
            "shape": list(image.shape),
            "dtype": image.get_data_dtype().name,
            "affine": [float(x) for x in image.affine.ravel()],
            "sform_code": int(image.header["sform_code"]),
            "qform_code": int(image.header["qform_code"]),
            "zooms": [float(x) for x in image.header.get_zooms()],
            "intent": int(image.header["intent_code"]),
            "data": [float(x) for x in data.ravel()],
        }
    )
print(json.dumps(seen))
