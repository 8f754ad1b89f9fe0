# SPDX-License-Identifier: Apache-2.0
"""The method in PyTorch, for comparison: set transformer, both objectives, AdamW. As the paper defines it (Sameni,
Jenni, Favaro, ICCV 2023, sections 3.2 and 3.3), with the one economy that any implementation has: only masked clips are
queries of masked clip modelling."""
import torch
from torch import nn
from torch.nn import functional

HEAD_WIDTH, POSITION_WIDTH = 32, 7


class Attention(nn.Module):
    def __init__(self, width, dropout):
        super().__init__()
        self.heads, self.dropout = width // HEAD_WIDTH, dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        sets, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(sets, tokens, 3, self.heads, HEAD_WIDTH).permute(2, 0, 3, 1, 4)
        out = functional.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0)
        return self.proj(out.transpose(1, 2).reshape(sets, tokens, width))


class Mlp(nn.Module):
    def __init__(self, width, hidden, dropout):
        super().__init__()
        self.fc1, self.fc2, self.drop = nn.Linear(width, hidden), nn.Linear(hidden, width), nn.Dropout(dropout)

    def forward(self, x):
        return self.drop(self.fc2(self.drop(functional.gelu(self.fc1(x)))))


class Block(nn.Module):
    def __init__(self, width, hidden, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp, self.drop = Attention(width, dropout), Mlp(width, hidden, dropout), nn.Dropout(dropout)

    def forward(self, h):
        h = h + self.drop(self.attn(self.norm1(h)))
        return h + self.mlp(self.norm2(h))


def head(*widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class SetModel(nn.Module):
    """Parameters have the names of the released code's state dict."""

    def __init__(self, features, width=256, layers=2, mlp_ratio=2, dropout=0.1, pred_hidden=4096, target_hidden=2048,
                 set_dim=128, dense_dim=128):
        super().__init__()
        self.set_cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.msk_token = nn.Parameter(torch.zeros(1, 1, width))
        self.input_projection = nn.Linear(features, width)
        self.pos_encoding_mlp = nn.Sequential(nn.Linear(POSITION_WIDTH, 2 * width), nn.ReLU(),
                                              nn.Linear(2 * width, width))
        self.transformer = nn.ModuleList(Block(width, int(mlp_ratio * width), dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.set_head = head(width, pred_hidden, set_dim)
        self.dense_pred_head = head(width, pred_hidden, dense_dim)
        self.dense_target_head = head(features, target_hidden, target_hidden, dense_dim)

    def encode(self, x, position, mask=None):
        """x [sets, clips, features], position [sets, clips, 7], mask [sets, clips] -> tokens [sets, 1 + clips, width],
        the summary first."""
        h = self.input_projection(x)
        if mask is not None:
            h = torch.where(mask[..., None], self.msk_token.to(h.dtype), h)
        h = h + self.pos_encoding_mlp(position)
        h = torch.cat([self.set_cls_token.to(h.dtype).expand(len(h), 1, -1), h], 1)
        for block in self.transformer:
            h = block(h)
        return self.norm(h)


def contrast(a, b, temperature):
    """Mean over the rows of a of -log softmax of their scores with all rows of b, at the row of the same number."""
    scores = a @ b.T / temperature
    return functional.cross_entropy(scores.float(), torch.arange(len(a)))


def losses(model, x, position, mask, masked, set_temperature=0.2, dense_temperature=0.2):
    """x [videos, 2, clips, features] and so on; masked [m], numbers of the masked clips of the batch. Returns set and
    dense loss."""
    videos, _, clips, features = x.shape
    x, position = x.reshape(-1, clips, features), position.reshape(-1, clips, POSITION_WIDTH)
    h = model.encode(x, position, mask.reshape(-1, clips))
    z = functional.normalize(model.set_head(h[:, 0]), dim=-1).reshape(videos, 2, -1)
    one, two = z[:, 0], z[:, 1]
    set_loss = (contrast(one, two, set_temperature) + contrast(two, one, set_temperature)) / 2
    clip_tokens = h[:, 1:].reshape(-1, h.shape[-1])
    query = functional.normalize(model.dense_pred_head(clip_tokens[masked]), dim=-1)
    key = functional.normalize(model.dense_target_head(x.reshape(-1, features)), dim=-1)
    dense_loss = functional.cross_entropy((query @ key.T / dense_temperature).float(), masked)
    return set_loss, dense_loss


def make_optimiser(model, lr=3e-4, decay=1e-4):
    """No decay for biases, 1-D parameters and the two tokens."""
    plain = [p for name, p in model.named_parameters() if p.ndim <= 1 or "token" in name]
    decayed = [p for name, p in model.named_parameters() if p.ndim > 1 and "token" not in name]
    return torch.optim.AdamW([{"params": decayed, "weight_decay": decay}, {"params": plain, "weight_decay": 0.0}],
                             lr=lr, betas=(0.9, 0.999), eps=1e-8, fused=True)
