"""What LiteRT's interpreter says of a `.tflite` file; see truth.py."""

import collections

import numpy
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TRIED = (2, 8, 32, 64, 224, 1)


def interpreter(path, keep):
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return Interpreter(
        str(path), num_threads=1, experimental_preserve_all_tensors=keep, experimental_op_resolver_type=resolver
    )


def tensors(run):
    """Those whose name is theirs alone."""
    found, seen = {}, collections.Counter()
    for t in run.get_tensor_details():
        seen[t["name"]] += 1
        shape = [int(n) for n in t["shape"]]
        dtype = getattr(t["dtype"], "__name__", str(t["dtype"]))
        found[t["name"]] = [dtype, None if any(n < 0 for n in shape) else shape]
    return {name: known for name, known in found.items() if name and seen[name] == 1}


def made(t, random):
    if t["dtype"] in (numpy.str_, numpy.bytes_, numpy.object_):
        return numpy.full(t["shape"], b"a")
    if numpy.dtype(t["dtype"]).kind in "fc":
        return random.standard_normal(t["shape"]).astype(t["dtype"])
    return random.integers(0, 2, t["shape"]).astype(t["dtype"])


def first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0][:400]


def ask(path, answer, save):
    try:
        run = interpreter(path, False)
    except Exception as error:
        answer["error"] = first_line(error)
        return
    answer.update(source="stated", tensors=tensors(run))
    save()
    try:
        run.allocate_tensors()
        answer.update(loads=True, source="session", tensors=tensors(run))
        save()
    except Exception as error:
        answer["error"] = first_line(error)
    # A file that leaves extents open may load with none of them stated, or only with some.
    left_open = [t for t in run.get_input_details() if any(n < 0 for n in t["shape_signature"])]
    for n in TRIED if left_open else (0,):
        try:
            run = interpreter(path, True)
            bind = {}
            for t in left_open:
                signature = [int(extent) for extent in t["shape_signature"]]
                shape = [e if e >= 0 else 1 if axis == 0 else n for axis, e in enumerate(signature)]
                run.resize_tensor_input(t["index"], shape)
                bind.update({f"{t['name']}.{axis}": shape[axis] for axis, e in enumerate(signature) if e < 0})
            run.allocate_tensors()
            before = tensors(run)
            answer.pop("error", None)
            answer.update(loads=True, source="session", bind=bind, tensors=before)
            save()
            random = numpy.random.default_rng(0)
            for t in run.get_input_details():
                run.set_tensor(t["index"], made(t, random))
            run.invoke()
            after = tensors(run)
            moved = [name for name, (_, shape) in after.items() if before.get(name, [None, None])[1] != shape]
            answer.update(source="run", tensors=after, open=moved)
            answer.pop("note", None)
            return
        except Exception as error:
            answer["note"] = first_line(error)
