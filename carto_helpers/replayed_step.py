"""A training step whose operations are recorded once and replayed.

Of a small network's step on a CPU more than half goes to what leads to its operations: modules in
Python and autograd's graph, gone through and made anew at every step, though the operations are the
same. Here both run once, over tensors without values, and what they came to is kept as one list of
operations, forward and backward. Replayed, these give the same bits.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import Graph, Node
from torch.fx.experimental.proxy_tensor import make_fx

_ATEN = torch.ops.aten
_NOTHING = {_ATEN.detach.default, _ATEN.alias.default}  # to do, where no gradient is wanted
_WITHOUT_EFFECT = {*_NOTHING, _ATEN.empty.memory_format, _ATEN.t.default, _ATEN.view.default}
_DIRECT = {  # PyTorch's own functions for the same, which begin sooner
    _ATEN.add.Tensor: torch.add,
    _ATEN.expand.default: Tensor.expand,
    _ATEN.hardtanh.default: nn.functional.hardtanh,
    _ATEN.index_select.default: torch.index_select,
    _ATEN.mm.default: torch.mm,
    _ATEN.mul.Tensor: torch.mul,
    _ATEN.native_batch_norm.default: torch.native_batch_norm,
    _ATEN.permute.default: torch.permute,
    _ATEN.sum.dim_IntList: torch.sum,
    _ATEN.t.default: torch.t,
    _ATEN.unsqueeze.default: torch.unsqueeze,
    _ATEN.view.default: Tensor.view,
}


class ReplayedStep:
    """Loss and gradients of a network in training, for batches of one size.

    Parameters
    ----------
    network
        In training mode. Which operations it runs depends neither on values of tensors nor on what
        Python draws; its buffers are changed in place; what requires a gradient stays so. Hooks
        are called when the step is recorded, not when it is replayed.
    loss
        Takes the logits and what follows the images in a batch.
    batch
        Images and what `loss` takes; only its sizes count.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[..., Float[Tensor, ""]],
        batch: tuple[Tensor, ...],
    ) -> None:
        parameters, buffers = dict(network.named_parameters()), dict(network.named_buffers())
        names = [*parameters, *buffers]
        self._parameters = list(parameters.values())
        self._state = [*self._parameters, *buffers.values()]

        def step(*tensors: Tensor) -> tuple[Tensor | None, ...]:
            weights = [
                tensor.detach().requires_grad_(parameter.requires_grad)
                for tensor, parameter in zip(tensors, self._parameters, strict=False)
            ]
            state = [*weights, *tensors[len(weights) : len(names)]]
            images, *others = tensors[len(names) :]
            logits = functional_call(network, dict(zip(names, state, strict=True)), (images,))
            total = loss(logits, *others)
            total.backward()
            return total.detach(), *(weight.grad for weight in weights)

        self._replay = make_fx(step, tracing_mode="fake")(*self._state, *batch)
        _shorten(self._replay.graph)
        self._replay.recompile()

    def __call__(self, *batch: Tensor) -> Float[Tensor, ""]:
        """Set each parameter's gradient; return the loss."""
        with torch.no_grad():
            results: list[Tensor] = self._replay(*self._state, *batch)
        loss, *gradients = results
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        return loss


def _shorten(graph: Graph) -> None:
    """Leave out what comes to nothing, and let the rest be called directly."""
    for node in graph.nodes:
        if node.target in _NOTHING:
            node.replace_all_uses_with(node.args[0])
        elif node.target is _ATEN.view.default and _is(node.args[0], _ATEN.view.default):
            node.replace_input_with(node.args[0], node.args[0].args[0])
        elif node.target is _ATEN.t.default and _is(node.args[0], _ATEN.t.default):
            node.replace_all_uses_with(node.args[0].args[0])
    for node in reversed(graph.nodes):
        if node.target in _WITHOUT_EFFECT and not node.users:
            graph.erase_node(node)
    for node in graph.nodes:
        node.target = _DIRECT.get(node.target, node.target)


def _is(node: object, target: object) -> bool:
    return isinstance(node, Node) and node.target is target
