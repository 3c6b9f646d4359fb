"""Time of a training step, mlp beside PyTorch: same rows, layers, batches and optimiser, two threads each.

    python benches/peers/networks.py PATH/TO/mlp [REPEATS]

Needs numpy and torch. Each side trains twice, for few epochs and for many; the difference, by the
number of steps between, is the time of a step, with the order of rows, the loss and the optimiser in
it and without reading and starting. The sides take turns, so that a busy machine disturbs both.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

THREADS = 2
torch.set_num_threads(THREADS)


class Flat(nn.Module):
    """Reads rows of 64 pixels as images."""

    def forward(self, rows):
        return rows.reshape(-1, 1, 8, 8)


def dense():
    return nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )


def convolutions():
    return nn.Sequential(
        Flat(),
        nn.Conv2d(1, 16, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
    )


class States(nn.Module):
    """Carries a state over 8 positions of 8 channels."""

    def __init__(self):
        super().__init__()
        self.states, self.head = nn.LSTM(8, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, rows):
        _, (last, _) = self.states(rows.reshape(-1, 8, 8).permute(0, 2, 1))
        return self.head(last[0])


class Looks(nn.Module):
    """Lets 8 positions of 32 channels look at each other."""

    def __init__(self):
        super().__init__()
        self.lift = nn.Conv1d(8, 32, 1)
        self.places = nn.Parameter(torch.zeros(8, 32))
        self.looks = nn.TransformerEncoderLayer(32, 4, 128, dropout=0.0, batch_first=True)
        self.query, self.head = nn.Linear(32, 1, bias=False), nn.Linear(32, 10)

    def forward(self, rows):
        x = self.lift(rows.reshape(-1, 8, 8)).permute(0, 2, 1) + self.places
        x = self.looks(x)
        return self.head((self.query(x).softmax(1) * x).sum(1))


NETS = [
    (
        "dense 64-256-256-10, batch 128",
        dense,
        "layers: [dense(256), dense(256)], batch_size: 128",
        128,
        (2, 22),
    ),
    (
        "conv 16, pool, conv 32, pool, dense 64 on 8 x 8, batch 64",
        convolutions,
        "input_shape: [1, 8, 8], batch_size: 64, layers: [conv2d(16, 3, padding: same), max_pool2d(2), "
        "conv2d(32, 3, padding: same), max_pool2d(2), flatten, dense(64)]",
        64,
        (1, 6),
    ),
    (
        "lstm 64 over 8 positions of 8 channels, batch 128",
        States,
        "input_shape: [8, 8], batch_size: 128, layers: [lstm(64)]",
        128,
        (2, 12),
    ),
    (
        "transformer of 32 channels and 4 heads over 8 positions, batch 128",
        Looks,
        "input_shape: [8, 8], batch_size: 128, layers: [conv1d(32, kernel_size: 1, activation: identity), "
        "transformer(nhead: 4, dropout: 0.0), attention_pool]",
        128,
        (2, 8),
    ),
]

ROWS = 12_800


def rows():
    draw = np.random.default_rng(1)
    x = draw.standard_normal((ROWS, 64)).astype("f4")
    return x, (x @ draw.standard_normal((64, 10)).astype("f4")).argmax(1)


def torch_seconds(make, batch, epochs, x, y):
    torch.manual_seed(1)
    net = make()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    begun = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch):
            picked = order[start : start + batch]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x[picked]), y[picked])
            loss.item()
            loss.backward()
            optimizer.step()
    return time.perf_counter() - begun


def mlp_seconds(program, folder, setting, epochs):
    (folder / "net.mlp").write_text(
        'ingest rows { from: "rows.csv" }\n'
        "model net {\n  target: digit\n  steps: []\n"
        f"  estimator: neural_network({setting}, epochs: {epochs})\n}}\n"
        "train fitted { model: net, data: rows, cache: false }\n"
    )
    begun = time.perf_counter()
    command = [program, "run", "net.mlp", "--threads", str(THREADS), "--quiet"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main():
    program = str(Path(sys.argv[1]).resolve())
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    x, y = rows()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        names = ",".join(f"x{at}" for at in range(64)) + ",digit"
        lines = (",".join(f"{v:.6g}" for v in row) + f",d{code}" for row, code in zip(x, y))
        (folder / "rows.csv").write_text("\n".join([names, *lines]) + "\n")
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        for name, make, setting, batch, (few, many) in NETS:
            steps = (many - few) * -(-ROWS // batch)
            ours, theirs = [], []
            # Once for each side without measuring, so that data are in the cache.
            mlp_seconds(program, folder, setting, few)
            torch_seconds(make, batch, few, x, y)
            for _ in range(repeats):
                a = [mlp_seconds(program, folder, setting, epochs) for epochs in (few, many)]
                b = [torch_seconds(make, batch, epochs, x, y) for epochs in (few, many)]
                ours.append((a[1] - a[0]) / steps * 1e6)
                theirs.append((b[1] - b[0]) / steps * 1e6)
            a, b = statistics.median(ours), statistics.median(theirs)
            spread = lambda own: f"{min(own):.0f} to {max(own):.0f}"
            print(f"{name}: mlp {a:.0f} us a step ({spread(ours)}), PyTorch {torch.__version__} "
                  f"{b:.0f} us ({spread(theirs)}), ratio {a / b:.2f}")


main()
