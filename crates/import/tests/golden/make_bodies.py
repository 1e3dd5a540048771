"""Small models with graphs inside attributes, and an old one; onnx checks them and infers their shapes strictly.

    python make_bodies.py    # writes *.onnx beside this file
"""
import pathlib

import onnx
from onnx import TensorProto as T, helper as h

here = pathlib.Path(__file__).parent
value = h.make_tensor_value_info


def linear(x, y, weight):
    return h.make_node("MatMul", [x, weight], [y])


def weight(name, *shape):
    return h.make_tensor(name, T.FLOAT, shape, [0.0] * (shape[0] * shape[1]))


def save(name, nodes, inputs, outputs, weights=(), opset=20, functions=(), **more):
    graph = h.make_graph(nodes, name, inputs, outputs, list(weights))
    imports = [h.make_opsetid("", opset)] + ([h.make_opsetid("f", 1)] if functions else [])
    model = h.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=8, **more)
    onnx.checker.check_model(model)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=opset >= 7)
    print(name, [[d.dim_value or d.dim_param for d in o.type.tensor_type.shape.dim] for o in inferred.graph.output])
    (here / f"{name}.onnx").write_bytes(model.SerializeToString())


# If: branches of one shape, one with more work; the outer weight `w` and the outer input are captured.
small = h.make_graph([linear("x", "a", "w")], "small", [], [value("a", T.FLOAT, None)])
large = h.make_graph(
    [linear("x", "t", "v"), linear("t", "b", "u")], "large", [], [value("b", T.FLOAT, None)], [weight("u", 16, 4)]
)
branch = h.make_node("If", ["c"], ["y"], name="branch", then_branch=small, else_branch=large)
x, y, c = value("x", T.FLOAT, [2, 8]), value("y", T.FLOAT, [2, 4]), value("c", T.BOOL, [])
save("if", [branch], [x, c], [y], [weight("w", 8, 4), weight("v", 8, 16)])

# Loop of five trips, inside a function: one carried value, one collected.
body = h.make_graph(
    [
        h.make_node("Identity", ["go"], ["on"]),
        linear("state", "next", "m"),
        h.make_node("ReduceSum", ["next"], ["seen"], keepdims=0),
    ],
    "body",
    [value("i", T.INT64, []), value("go", T.BOOL, []), value("state", T.FLOAT, [2, 8])],
    [value("on", T.BOOL, []), value("next", T.FLOAT, [2, 8]), value("seen", T.FLOAT, [])],
)
loop = h.make_node("Loop", ["n", "", "s"], ["last", "all"], name="loop", body=body)
five = h.make_node("Constant", [], ["n"], value_int=5)
function = h.make_function(
    "f", "Repeat", ["s", "m"], ["last", "all"], [five, loop], [h.make_opsetid("", 20)]
)
call = h.make_node("Repeat", ["x", "w"], ["y", "z"], domain="f", name="call")
y, z = value("y", T.FLOAT, [2, 8]), value("z", T.FLOAT, [5])
save("loop", [call], [x], [y, z], [weight("w", 8, 8)], functions=[function])

# Scan over the second axis of (2, 6, 8): a state of (2, 8), results joined along the second axis.
body = h.make_graph(
    [linear("slice", "p", "w"), h.make_node("Add", ["h", "p"], ["g"]), h.make_node("Relu", ["g"], ["out"])],
    "body",
    [value("h", T.FLOAT, [2, 8]), value("slice", T.FLOAT, [2, 8])],
    [value("g", T.FLOAT, [2, 8]), value("out", T.FLOAT, [2, 8])],
)
scan = h.make_node(
    "Scan", ["h0", "x"], ["h1", "y"], name="scan", body=body, num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[1]
)
x, y, h0 = value("x", T.FLOAT, [2, 6, 8]), value("y", T.FLOAT, [2, 6, 8]), value("h0", T.FLOAT, [2, 8])
save("scan", [scan], [h0, x], [value("h1", T.FLOAT, [2, 8]), y], [weight("w", 8, 8)])

# Operator set 6: the second operand of Add says where it starts.
x, y = value("x", T.FLOAT, [2, 3, 4, 4]), value("y", T.FLOAT, [2, 3, 4, 4])
bias = h.make_tensor("b", T.FLOAT, [3], [0.0] * 3)
save("opset6", [h.make_node("Add", ["x", "b"], ["y"], name="add", axis=1, broadcast=1)], [x, value("b", T.FLOAT, [3])], [y], [bias], 6)
