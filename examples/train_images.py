#!/usr/bin/env python3
"""Trains a small network on the images below a folder, shuffled anew in each epoch, and says how fast they came.

  examples/train_images.py DIRECTORY [--epochs N] [--workers N] [--batch N] [--images N]

An image's class is the folder it lies in. On Debian: apt install python3-torch python3-torchvision. With the images of the
quickstart: ./quickstart --dir DIR --keep, and then DIR/mnt.
"""

import argparse
import pathlib
import time

import torch
import torchvision
from PIL import Image, UnidentifiedImageError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class Images(torch.utils.data.Dataset):
    """Paths are listed once; bytes are read when a worker asks for them, which is what a training run does all day."""

    def __init__(self, directory, most):
        found = sorted(path for path in pathlib.Path(directory).rglob("*") if path.suffix.lower() in SUFFIXES)
        self.paths = found[:: max(1, len(found) // most)][:most]
        names = sorted({path.parent for path in self.paths})
        self.labels = {name: number for number, name in enumerate(names)}
        self.transform = torchvision.transforms.Compose(
            [torchvision.transforms.Resize((32, 32)), torchvision.transforms.ToTensor()])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, number):
        path = self.paths[number]
        try:
            with Image.open(path) as image:
                pixels = self.transform(image.convert("RGBA").convert("RGB"))
        except (UnidentifiedImageError, Image.DecompressionBombError):
            pixels = torch.zeros(3, 32, 32)  # a file that only calls itself an image, or one that is far too large
        return pixels, self.labels[path.parent]


def network(classes):
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, stride=2), torch.nn.ReLU(),
        torch.nn.Conv2d(16, 32, 3, stride=2), torch.nn.ReLU(),
        torch.nn.Flatten(), torch.nn.Linear(32 * 7 * 7, classes))


def train(arguments):
    images = Images(arguments.directory, arguments.images)
    if len(images) == 0:
        raise SystemExit(f"no images below {arguments.directory}")
    loader = torch.utils.data.DataLoader(images, batch_size=arguments.batch, shuffle=True, num_workers=arguments.workers)
    model = network(len(images.labels))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    print(f"{len(images)} images in {len(images.labels)} folders")
    for epoch in range(1, arguments.epochs + 1):
        begun, total = time.monotonic(), 0.0
        for pixels, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(pixels), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        took = time.monotonic() - begun
        print(f"epoch {epoch}: loss {total / len(images):.3f}, {len(images) / took:.0f} images/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--images", type=int, default=1_000_000, help="at most so many, spread over the folders")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
