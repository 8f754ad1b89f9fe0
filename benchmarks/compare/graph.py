# SPDX-License-Identifier: Apache-2.0
"""ONNX graphs of transformers, node by node."""
import math

import filled


class Graph:
    """Weights are constants of the graph; its input is one clip, its output one feature."""

    def __init__(self, eps):
        self.eps, self.nodes, self.initialisers, self.count = eps, [], [], 0

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def constant(self, value):
        import numpy as np
        from onnx import numpy_helper
        name = self.name()
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def number(self, value):
        import numpy as np
        return self.constant(np.array(value, np.float32))

    def extents(self, *values):
        import numpy as np
        return self.constant(np.array(values, np.int64))

    def add(self, kind, inputs, outputs=1, **attributes):
        from onnx import helper
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names if outputs > 1 else names[0]

    def sum(self, a, b):
        return self.add("Add", [a, b])

    def reshape(self, x, *extents):
        return self.add("Reshape", [x, self.extents(*extents)])

    def linear(self, x, weight, bias):
        return self.sum(self.add("MatMul", [x, self.constant(weight.T)]), self.constant(bias))

    def norm(self, x, weight, bias):
        return self.add("LayerNormalization", [x, self.constant(weight), self.constant(bias)], axis=-1,
                        epsilon=self.eps)

    def gelu(self, x):
        bent = self.sum(self.add("Erf", [self.add("Div", [x, self.number(math.sqrt(2))])]), self.number(1))
        return self.add("Mul", [self.add("Mul", [x, bent]), self.number(.5)])

    def attention(self, joint, sets, tokens, width, heads):
        """Of joint [sets * tokens, 3 width]: queries, keys and values of `sets` sets; [sets, tokens, width]."""
        parts = self.add("Transpose", [self.reshape(joint, sets, tokens, 3, heads, width // heads)],
                         perm=[2, 0, 3, 1, 4])
        q, k, v = (self.add("Squeeze", [part, self.extents(0)]) for part in self.add("Split", [parts], 3, axis=0))
        q = self.add("Mul", [q, self.number((width // heads) ** -.5)])
        scores = self.add("MatMul", [q, self.add("Transpose", [k], perm=[0, 1, 3, 2])])
        mixed = self.add("MatMul", [self.add("Softmax", [scores], axis=-1), v])
        return self.reshape(self.add("Transpose", [mixed], perm=[0, 2, 1, 3]), sets, tokens, width)

    def save(self, path, size, feature, width):
        """`feature` has `width` numbers."""
        import onnx
        from onnx import TensorProto, helper
        self.nodes.append(helper.make_node("Reshape", [feature, self.extents(1, width)], ["feature"]))
        graph = helper.make_graph(
            self.nodes, "backbone",
            [helper.make_tensor_value_info("clip", TensorProto.FLOAT, [1, 3, filled.FRAMES, size, size])],
            [helper.make_tensor_value_info("feature", TensorProto.FLOAT, [1, width])], self.initialisers)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
