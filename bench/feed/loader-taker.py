"""Takes arrays from PyTorch's DataLoader, whose two worker processes make them."""
import numpy
from measuring import how, measure
from torch.utils.data import DataLoader, IterableDataset

WORKERS = 2


class Arrays(IterableDataset):
    def __iter__(self):
        while True:
            yield numpy.ones(how["bytes"], dtype=numpy.uint8)


def taken(loader):
    for answer in loader:
        size = answer.nelement() * answer.element_size()
        yield size // how["bytes"], size


if __name__ == "__main__":
    together = how["together"]
    loader = DataLoader(
        Arrays(),
        # None: each array is an answer. A number: so many of them are put together, right in the shared memory.
        batch_size=None if together == 1 else together,
        num_workers=WORKERS,
        prefetch_factor=how["prefetch"],
    )
    measure(taken(loader))
