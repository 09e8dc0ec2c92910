"""The page as a browser shows it, on a store that was used a moment ago."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib

from _chromium import Page

sidecar, store, mount, daemon = sys.argv[1:5]
PROGRAMS = os.environ["CIAOSFS_BIN"]
PICTURES = os.environ.get("CIAOS_SCREENSHOTS")
LOOKS = [(1180, False), (720, True)] + [(width, dark) for width in (1400, 400) for dark in (False, True)]
NAMES = {"markup": "<img src=x onerror='window.hit = 1'>", "directory": "deep & <b>"}


def say(what):
    print("-- " + what, flush=True)


def ctl(*arguments):
    return json.loads(subprocess.run([f"{PROGRAMS}/ciaosctl", *arguments, "--json"], capture_output=True, check=True).stdout)


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in (255 * x // width, 255 * y // height, 128))
                    for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def put(path, content):
    os.makedirs(os.path.dirname(f"{mount}/{path}"), exist_ok=True)
    with open(f"{mount}/{path}", "wb") as file:
        file.write(content)


def look_from_all_sides(page, view):
    """Nothing sticks out at any width, and dark is darker than light."""
    backs = {}
    for width, dark in LOOKS:
        page.look(width, dark)
        page.wait_for(f"matchMedia('(prefers-color-scheme: dark)').matches === {str(dark).lower()} && innerWidth === {width}")
        time.sleep(0.3)  # for drawings that follow a size
        wide = page.run("document.documentElement.scrollWidth")
        assert wide <= width, f"{view} is {wide} pixels wide where there are {width}"
        out = page.run("[...document.querySelectorAll('main:not([hidden]) *')]"
                       ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1)"
                       ".map((e) => e.tagName + '.' + e.getAttribute('class')).slice(0, 3)")
        assert not out, f"{view} at {width}: {out} stick out"
        cut = page.run("[...document.querySelectorAll('main:not([hidden]) :is(.value, td, h3, button)')]"
                       ".filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)"
                       ".map((e) => e.textContent).slice(0, 3)")
        assert not cut, f"{view} at {width}: {cut} have no room"
        backs[dark] = page.run("getComputedStyle(document.body).backgroundColor")
        if PICTURES:
            page.picture(f"{PICTURES}/{view}-{width}-{'dark' if dark else 'light'}.png")
    assert backs[False] != backs[True], backs
    page.look(1400, False)


def text_of(page, selector):
    return page.run(f"document.querySelector({json.dumps(selector)}).textContent")


def in_bytes(page, number):
    return page.run(f"import('/_ui/format.js').then((format) => format.bytes({number}))")


def sign_in(page):
    page.go(f"http://{sidecar}/_ui/")
    page.wait_for("document.querySelector('#sign-in') && !document.querySelector('#sign-in').hidden")
    fill = ("(() => { const form = document.querySelector('#sign-in form'); form.key.value = 'ALICEKEY'; "
            "form.secret.value = '%s'; form.requestSubmit(); })()")
    page.run(fill % "wrong")
    page.wait_for("document.querySelector('#sign-in .refusal').textContent.includes('No enabled user')")
    assert len(page.errors) == 1 and "401" in page.errors[0], page.errors  # which the browser says by itself
    page.errors.clear()
    assert page.run("document.querySelector('.tiles').children.length") == 0
    page.run(fill % "alice-secret")
    page.wait_for("!document.querySelector('#figures').hidden")
    assert page.run("document.cookie + localStorage.length + sessionStorage.length") == "00", "something is kept in the browser"


def check_figures(page):
    page.wait_for("document.querySelectorAll('#operations tbody tr').length > 2")
    page.wait_for("[...document.querySelectorAll('.plot')][0].querySelector('path.line').getAttribute('d').length > 20")
    operations = page.run("[...document.querySelectorAll('#operations tbody td:first-child')].map((cell) => cell.textContent)")
    assert "writemount" in operations and "PutObjectHTTP" in operations, operations
    # What was measured while there was load is in the plots: their axes reach that far.
    axis = page.run("[...document.querySelectorAll('.plot')]"
                    ".map((plot) => [...plot.querySelectorAll('text')].map((text) => text.textContent))")
    assert any("MiB" in label for label in axis[0]), axis[0]
    assert all(plot for plot in axis) and len(axis) == 6

    def agree():
        status, volumes = ctl("status", store), ctl("volumes", store)
        space = status["space"]
        wanted = {"inodes": f"{space['inodes']:,}", "live": in_bytes(page, space["live_bytes"]),
                  "garbage": in_bytes(page, space["garbage_bytes"]), "cells": len(volumes),
                  "total": in_bytes(page, space["total_bytes"]), "batch": f"{status['log']['durable_batch']:,}"}
        shown = {"inodes": text_of(page, "[data-tile=files] .value"), "live": text_of(page, "#space li:nth-child(1) b"),
                 "garbage": text_of(page, "#space li:nth-child(2) b"),
                 "cells": page.run("document.querySelectorAll('#map .cell').length"),
                 "total": text_of(page, "[data-tile=space] .more").split(",")[0].removeprefix("of "),
                 "batch": text_of(page, "#upkeep > :last-child dd")}
        labels = page.run("[...document.querySelectorAll('#map .cell')].map((cell) => cell.getAttribute('aria-label'))")
        for label, volume in zip(labels, volumes):
            if f"Volume {volume['volume']} " not in label or in_bytes(page, volume["live_bytes"]) + " live" not in label:
                return False, (label, volume)
        return shown == wanted, (shown, wanted)

    for _ in range(60):
        good, what = agree()
        if good:
            break
        time.sleep(1)
    assert good, what
    assert text_of(page, "#health") == "healthy"


def check_keys(page):
    page.run("document.querySelector('.plot').focus()")
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="ArrowLeft", code="ArrowLeft", windowsVirtualKeyCode=37)
    times = page.run("[...document.querySelectorAll('.plot .head p')].map((time) => time.textContent)")
    assert len(times) == 6 and len(set(times)) == 1 and times[0].count(":") == 2, times
    page.run("document.activeElement.blur()")
    page.run("document.querySelector('#map .cell').focus()")
    assert text_of(page, "#volume").startswith("Volume "), text_of(page, "#volume")


def follow(page, text):
    """A click at the link of that text, once it is there."""
    page.wait_for(f"(() => {{ const link = [...document.querySelectorAll('#listing a')].find((a) => a.textContent === "
                  f"{json.dumps(text)}); if (link) link.click(); return link !== undefined; }})()")


def check_objects(page):
    page.run("location.hash = '#/objects'")
    page.wait_for("document.querySelectorAll('#listing tbody tr').length === 2")
    look_from_all_sides(page, "buckets")
    follow(page, "photos")
    page.wait_for("document.querySelector('#path').textContent === 'Buckets / photos'")
    page.wait_for("document.querySelectorAll('#listing tbody tr').length > 20")
    assert NAMES["markup"] in text_of(page, "#listing") and page.run("window.hit === undefined")
    look_from_all_sides(page, "listing")
    follow(page, NAMES["directory"] + "/")
    follow(page, "image.png")
    page.wait_for("document.querySelector('#preview img') && document.querySelector('#preview img').naturalWidth === 320")
    page.wait_for("document.querySelector('#preview p').textContent === '320 \u00d7 200 pixels'")
    look_from_all_sides(page, "object")
    page.run("location.hash = '#/object/photos/page.html'")
    page.wait_for("document.querySelector('#preview p').textContent.startsWith('No preview')")
    assert page.run("window.hit === undefined && document.title.startsWith('Objects')")
    page.run("location.hash = '#/object/photos/none'")
    page.wait_for("document.querySelector('#listing').textContent.includes('no such')")
    assert len(page.errors) == 1 and "404" in page.errors[0], page.errors
    page.errors.clear()
    page.run("location.hash = '#/figures'")


def check_damage(page):
    extent = ctl("info", f"{mount}/photos/40")["extents"][0]
    with open(extent["device"], "r+b") as volume:
        volume.seek(extent["device_offset"] + 8192)
        byte = volume.read(1)[0]
        volume.seek(-1, 1)
        volume.write(bytes([byte ^ 1]))
        volume.flush()
        os.fsync(volume.fileno())
    scrub = subprocess.run([f"{PROGRAMS}/ciaosctl", "--store", store, "scrub"], capture_output=True, text=True, check=False)
    assert scrub.returncode == 4, scrub
    page.wait_for("document.querySelectorAll('#map .cell.damaged').length === 1")
    label = page.run("document.querySelector('#map .cell.damaged').getAttribute('aria-label')")
    assert f"Volume {extent['volume']} " in label and "1 damaged place" in label, label
    page.wait_for("document.querySelector('#health').textContent === '1 damaged place'")
    look_from_all_sides(page, "damaged")
    os.remove(f"{mount}/photos/40")


def check_absence(page):
    os.kill(int(daemon), signal.SIGKILL)
    page.wait_for("!document.querySelector('#banner').hidden")
    assert "does not answer" in text_of(page, "#banner")
    page.wait_for("document.querySelector('[data-tile=files] .value').textContent === '\u2013'")
    assert page.run("document.querySelectorAll('#map .cell').length") == 0
    page.wait_for("document.querySelectorAll('.plot rect.gap').length > 0")
    look_from_all_sides(page, "away")
    subprocess.run(["umount", mount], check=True)
    subprocess.run([f"{PROGRAMS}/ciaosfs", store, mount], check=True, stdin=subprocess.DEVNULL)
    page.wait_for("document.querySelector('#banner').hidden && document.querySelectorAll('#map .cell').length > 0")
    assert not [error for error in page.errors if "503" not in error], page.errors
    page.errors.clear()


put("photos/page.html", b"<script>window.hit = 1; document.title = 'hit'</script>")
put("photos/" + NAMES["markup"], b"x")
put(f"photos/{NAMES['directory']}/image.png", png(320, 200))
browser = Page("chromium", 1400, False)
try:
    say("signing in")
    sign_in(browser)
    say("figures")
    check_figures(browser)
    look_from_all_sides(browser, "figures")
    check_keys(browser)
    say("objects")
    check_objects(browser)
    say("damage")
    check_damage(browser)
    say("the daemon is away, and comes back")
    check_absence(browser)
    browser.run("document.querySelector('#who button').click()")
    browser.wait_for("!document.querySelector('#sign-in').hidden && document.querySelector('.tiles').children.length === 0")
    assert not browser.errors, browser.errors
    assert browser.hosts == {sidecar}, browser.hosts
finally:
    browser.close()
