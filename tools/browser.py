"""Find Chromium, or install it where that is possible: Debian (or its kin), as root."""

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
PLACES = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
]


def find():
    """Return the path of a Chromium, or None. ``BTL_CHROMIUM`` goes first."""
    chosen = os.environ.get("BTL_CHROMIUM")
    found = [chosen] if chosen else [shutil.which(name) for name in NAMES] + PLACES
    return next((path for path in found if path and Path(path).exists()), None)


def find_or_install():
    """Return the path of a Chromium; install Debian's if there is none and we may; else None."""
    may_install = shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0
    if find() is None and may_install:
        print("Installing Debian's chromium (about 110 MB) for the browser tests", flush=True)
        quiet = {
            "stdout": subprocess.DEVNULL,
            "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        }
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], **quiet
        )
    return find()
