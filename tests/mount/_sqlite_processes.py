"""Two processes write one SQLite database at once.

    _sqlite_processes.py DATABASE delete|truncate|persist|wal
    _sqlite_processes.py DATABASE check

Each process moves amounts between accounts, so that a lost or half update shows in the sum, and counts what it committed.
"""

import os
import sqlite3
import sys

path, mode = sys.argv[1:3]
ACCOUNTS, TRANSACTIONS, PROCESSES = 20, 40, 2


def connect():
    # The time that a writer waits for the other one's lock.
    return sqlite3.connect(path, timeout=60, isolation_level=None)


def fill():
    with connect() as database:
        answer = database.execute(f"PRAGMA journal_mode={mode}").fetchone()[0]
        assert answer == mode, f"journal_mode is {answer}"
        database.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER)")
        database.execute("CREATE TABLE done (process INTEGER, number INTEGER, filler BLOB)")
        database.executemany("INSERT INTO accounts VALUES (?, 1000)", [(n,) for n in range(ACCOUNTS)])


def work(process):
    database = connect()
    database.execute("PRAGMA synchronous=NORMAL")
    for number in range(TRANSACTIONS):
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE accounts SET amount = amount - 7 WHERE id = ?", (number % ACCOUNTS,))
        database.execute("UPDATE accounts SET amount = amount + 7 WHERE id = ?", ((number * 3 + process) % ACCOUNTS,))
        database.execute("INSERT INTO done VALUES (?, ?, ?)", (process, number, os.urandom(1500)))
        database.execute("ROLLBACK" if number % 10 == 9 else "COMMIT")
        total = database.execute("SELECT sum(amount) FROM accounts").fetchone()[0]
        assert total == ACCOUNTS * 1000, f"the sum is {total} in the middle"
    database.close()


def check():
    database = connect()
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "integrity_check"
    total = database.execute("SELECT sum(amount) FROM accounts").fetchone()[0]
    assert total == ACCOUNTS * 1000, f"the sum is {total}"
    done = database.execute("SELECT process, number FROM done ORDER BY process, number").fetchall()
    wanted = [(process, n) for process in range(PROCESSES) for n in range(TRANSACTIONS) if n % 10 != 9]
    assert done == wanted, f"{len(done)} transactions are there, not {len(wanted)}"
    database.close()


if mode != "check":
    fill()
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            work(number)
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0, "a writer failed"
check()
