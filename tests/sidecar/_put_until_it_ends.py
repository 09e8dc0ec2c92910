"""Puts objects with several threads until the server goes away; prints the keys whose PUT was acknowledged.

usage: _put_until_it_ends.py HOST:PORT PREFIX
"""

import http.client
import sys
import threading

ADDRESS, PREFIX = sys.argv[1], sys.argv[2]
acknowledged = []


def put(name):
    connection = http.client.HTTPConnection(ADDRESS, timeout=60)
    number = 0
    try:
        while True:
            key = f"{PREFIX}/{name}/{number}"
            connection.request("PUT", f"/kept/{key}", key.encode() * (number % 2000))
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                return
            acknowledged.append((key, number % 2000))
            number += 1
    except (OSError, http.client.HTTPException):
        return


threads = [threading.Thread(target=put, args=(name,)) for name in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for key, repeats in acknowledged:
    print(key, repeats)
