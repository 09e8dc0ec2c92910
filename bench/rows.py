"""The rows of the table: what is done, on which files, and in which order. Times are taken by timed_loops."""

import dataclasses
import shutil
import typing

import objects


@dataclasses.dataclass(frozen=True)
class Scale:
    files: int              # of rows 1 to 5, 7, 8 and 10
    walked_files: int
    synced_files: int
    large_bytes: int
    many_files: int
    sampled_files: int
    random_milliseconds: int
    image_bytes: int
    object_bytes: int       # of each size that row 15 gets
    http_seconds: int       # of rows 15 and 16


FULL = Scale(files=20000, walked_files=40000, synced_files=4000, large_bytes=2 << 30, many_files=600000,
             sampled_files=3000, random_milliseconds=4000, image_bytes=64 << 30,
             object_bytes=400 << 20, http_seconds=8)
QUICK = Scale(files=4000, walked_files=8000, synced_files=600, large_bytes=512 << 20, many_files=30000,
              sampled_files=1000, random_milliseconds=1000, image_bytes=32 << 30,
              object_bytes=100 << 20, http_seconds=3)

# Key, what it is, which is better. A key begins with the number of its row.
TITLES = {
    "1": "cold read, files of ~100 KB, shuffled, 1 thread",
    "1r": "the same, ciaosfs mounted read-only",
    "2": "cold read of the same, 4 threads",
    "2r": "the same, ciaosfs mounted read-only",
    "3": "warm read of the same, 1 thread",
    "3r": "the same, ciaosfs mounted read-only",
    "4": "cold read, files of 4 KiB, shuffled",
    "4r": "the same, ciaosfs mounted read-only",
    "5": "cold stat",
    "6": "cold walk (nftw with stat)",
    "7": "create files of ~100 KB, one fsync at the end",
    "7s": "the same until all of it is durable",
    "8": "create files of 4 KiB, one fsync at the end",
    "8s": "the same until all of it is durable",
    "9.1": "create and fsync 4 KiB, 1 thread",
    "9.16": "the same, 16 threads",
    "10": "unlink files of ~100 KB",
    "11": "sequential write and fsync, 1 MiB writes",
    "12c": "sequential read, cold",
    "12w": "sequential read, warm",
    "12cr": "sequential read, cold, ciaosfs mounted with ro,open=passthrough",
    "12wr": "the same, warm",
    "13.4": "random reads of 4 KiB, cold start",
    "13.128": "random reads of 128 KiB, cold start",
    "13.4r": "random reads of 4 KiB, cold start, mounted as 12cr",
    "13.128r": "random reads of 128 KiB, cold start, mounted as 12cr",
    "14": "device reads for each small file, cold (fewer is better)",
    "15.4": "GET of 4 KB over HTTP, 16 connections; native: nginx",
    "15.100": "GET of 100 KB",
    "15.1000": "GET of 1 MB",
    "16": "PUT of 100 KB, durable (nginx: not durable)",
}


def number_of(key):
    return int(key.rstrip("scwr").split(".")[0])


ALL = sorted({number_of(key) for key in TITLES})


def chosen(text):
    if not text:
        return ALL
    wanted = [int(part) for part in text.split(",")]
    unknown = set(wanted) - set(ALL)
    if unknown:
        raise SystemExit(f"bench/run: there are no rows {sorted(unknown)}; known are {ALL}")
    return wanted


def keys_of(numbers):
    return [key for key in TITLES if number_of(key) in numbers]


@dataclasses.dataclass(frozen=True)
class Step:
    """Work on one target. `serves` are the rows that need it to be done; it returns {key: figure}."""
    what: str
    serves: tuple[int, ...]
    run: typing.Callable


@dataclasses.dataclass(frozen=True)
class Group:
    """Steps on the same files, in order."""
    all_steps: tuple[Step, ...]

    def numbers(self):
        return {number for step in self.all_steps for number in step.serves}

    def steps(self, wanted):
        return [step for step in self.all_steps if set(step.serves) & set(wanted)]


def rate(report):
    return report["operations"] / report["seconds"]


def durable_rate(report):
    return report["operations"] / report["durable_seconds"]


def byte_rate(report):
    return report["bytes"] / report["seconds"]


def of_100_kb(target, scale):
    return {"dir": target.path / "large", "files": scale.files, "bytes": 100000, "varies": 1}


def of_4_kib(target, scale):
    return {"dir": target.path / "small", "files": scale.files, "bytes": 4096}


def create(files, key):
    def run(target, scale, seed):
        del seed
        report = target.timed("create", **files(target, scale))
        return {key: rate(report), key + "s": durable_rate(report)}
    return run


def read(files, key, threads=1, cold=True):
    def run(target, scale, seed):
        if cold:
            target.drop_caches()
        else:  # the targets before this one have dropped everybody's pages
            target.timed("read", **files(target, scale), seed=seed)
        report = target.timed("read", **files(target, scale), threads=threads, seed=seed)
        target.timed("read", **files(target, scale), threads=threads, seed=seed, verify=1)
        return {key: rate(report)}
    return run


def mount_again(files, *options):
    """As a data set is mounted that is only trained on. The daemon knows all names afterwards, as it did before."""
    def run(target, scale, seed):
        if target.mount_again:
            target.mount_again(*options)
            target.timed("stat", **files(target, scale), seed=seed)
        return {}
    return run


def cold_stat(target, scale, seed):
    target.drop_caches()
    return {"5": rate(target.timed("stat", **of_4_kib(target, scale), seed=seed))}


def unlink(files, key):
    def run(target, scale, seed):
        return {key: rate(target.timed("unlink", **files(target, scale), seed=seed))}
    return run


def walked(target, scale):
    return {"dir": target.path / "walked", "files": scale.walked_files, "bytes": 512}


def cold_walk(target, scale, seed):
    del seed
    target.drop_caches()
    return {"6": rate(target.timed("walk", **walked(target, scale)))}


def create_and_sync(threads):
    def run(target, scale, seed):
        files = {"dir": target.path / f"synced{threads}", "files": scale.synced_files, "bytes": 4096}
        report = target.timed("create", **files, threads=threads, fsync=1)
        target.timed("read", **files, verify=1, seed=seed)
        target.timed("unlink", **files)
        return {f"9.{threads}": rate(report)}
    return run


def large(target, scale):
    return {"path": target.path / "file", "bytes": scale.large_bytes}


def write_large(target, scale, seed):
    del seed
    return {"11": byte_rate(target.timed("write_large", **large(target, scale)))}


def read_large(mounted=""):
    def run(target, scale, seed):
        del seed
        target.drop_caches()
        cold = byte_rate(target.timed("read_large", **large(target, scale)))
        warm = byte_rate(target.timed("read_large", **large(target, scale)))
        target.timed("read_large", **large(target, scale), verify=1)
        return {"12c" + mounted: cold, "12w" + mounted: warm}
    return run


def read_randomly(kib, mounted=""):
    def run(target, scale, seed):
        target.drop_caches()
        report = target.timed("read_randomly", **large(target, scale), block=kib << 10, seed=seed,
                              milliseconds=scale.random_milliseconds)
        return {f"13.{kib}{mounted}": rate(report)}
    return run


def mount_large_again(*options):
    def run(target, scale, seed):
        del scale, seed
        if target.mount_again:
            target.mount_again(*options)
        return {}
    return run


def remove_large(target, scale, seed):
    del seed
    large(target, scale)["path"].unlink()
    return {}


def many(target, scale):
    return {"dir": target.path / "many", "files": scale.many_files, "bytes": 2000}


def create_many(target, scale, seed):
    del seed
    if not (target.path / "many").exists():
        target.timed("create", **many(target, scale))
    return {}


def device_reads(target, scale, seed):
    """With the files' names, attributes and extents in the daemon's memory, where it has one."""
    target.timed("read", **many(target, scale), count=scale.sampled_files, seed=seed)
    target.drop_caches()
    before = target.device_reads()
    target.timed("read", **many(target, scale), count=scale.sampled_files, seed=seed, verify=1)
    return {"14": (target.device_reads() - before) / scale.sampled_files}


def objects_of(kb):
    def files(target, scale):
        count = min(scale.object_bytes // (kb * 1000), scale.files)
        return {"dir": target.path / f"objects{kb}", "files": count, "bytes": kb * 1000}
    return files


def serves_objects(target):
    """Of the transports one is enough: none carries objects. bindfs would be nginx again."""
    return target.front_door is not None


def create_objects(kb):
    def run(target, scale, seed):
        del seed
        if serves_objects(target):
            target.timed("create", **objects_of(kb)(target, scale))
            target.timed("read", **objects_of(kb)(target, scale), verify=1)
        return {}
    return run


def get_objects(kb):
    def run(target, scale, seed):
        del seed
        if not serves_objects(target):
            return {}
        with target.front_door() as address:
            return {f"15.{kb}": rate(objects.get(address, target, objects_of(kb)(target, scale), scale.http_seconds))}
    return run


def put_objects(target, scale, seed):
    del seed
    if not serves_objects(target):
        return {}
    with target.front_door() as address:
        return {"16": rate(objects.put(address, target, scale.http_seconds))}


def remove_objects(kb):
    def run(target, scale, seed):
        del seed
        if serves_objects(target):
            shutil.rmtree(objects_of(kb)(target, scale)["dir"])
        return {}
    return run


def object_steps(kb):
    return (Step(f"creating objects of {kb} KB", (15,), create_objects(kb)),
            Step("getting them", (15,), get_objects(kb)),
            Step("removing them", (15,), remove_objects(kb)))


GROUPS = (
    Group((Step("creating files of 100 KB", (1, 2, 3, 7, 10), create(of_100_kb, "7")),
           Step("cold reads", (1,), read(of_100_kb, "1")),
           Step("cold reads, 4 threads", (2,), read(of_100_kb, "2", threads=4)),
           Step("warm reads", (3,), read(of_100_kb, "3", cold=False)),
           Step("mounting read-only", (1, 2, 3), mount_again(of_100_kb, "ro")),
           Step("cold reads", (1,), read(of_100_kb, "1r")),
           Step("cold reads, 4 threads", (2,), read(of_100_kb, "2r", threads=4)),
           Step("warm reads", (3,), read(of_100_kb, "3r", cold=False)),
           Step("mounting as before", (1, 2, 3), mount_again(of_100_kb)),
           Step("unlinking", (1, 2, 3, 7, 10), unlink(of_100_kb, "10")))),
    Group((Step("creating files of 4 KiB", (4, 5, 8), create(of_4_kib, "8")),
           Step("cold reads", (4,), read(of_4_kib, "4")),
           Step("cold stat", (5,), cold_stat),
           Step("mounting read-only", (4,), mount_again(of_4_kib, "ro")),
           Step("cold reads", (4,), read(of_4_kib, "4r")),
           Step("mounting as before", (4,), mount_again(of_4_kib)),
           Step("unlinking", (4, 5, 8), unlink(of_4_kib, "unlink")))),
    Group((Step("creating a tree", (6,), create(walked, "tree")),
           Step("cold walk", (6,), cold_walk),
           Step("unlinking", (6,), unlink(walked, "unlink")))),
    Group((Step("create and fsync", (9,), create_and_sync(1)),
           Step("create and fsync, 16 threads", (9,), create_and_sync(16)))),
    Group((Step("writing a large file", (11, 12, 13), write_large),
           Step("reading it", (12,), read_large()),
           Step("random blocks of 4 KiB", (13,), read_randomly(4)),
           Step("random blocks of 128 KiB", (13,), read_randomly(128)),
           # By itself it would go by all files, and those of row 14 are small.
           Step("mounting read-only", (12, 13), mount_large_again("ro", "open=passthrough")),
           Step("reading it", (12,), read_large("r")),
           Step("random blocks of 4 KiB", (13,), read_randomly(4, "r")),
           Step("random blocks of 128 KiB", (13,), read_randomly(128, "r")),
           Step("mounting as before", (12, 13), mount_large_again()),
           Step("removing it", (11, 12, 13), remove_large))),
    Group((Step("creating very many files", (14,), create_many),
           Step("reading a few of them", (14,), device_reads))),
    Group(object_steps(4) + object_steps(100) + object_steps(1000)),
    Group((Step("putting objects", (16,), put_objects),)),
)


def groups_of(wanted):
    return [group for group in GROUPS if group.numbers() & set(wanted)]
