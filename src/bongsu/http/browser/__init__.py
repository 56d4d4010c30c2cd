"""The browser client, served at `/`: a folder of built files, nothing of it made here.

Owns the paths `/`, `/assets/*`, `/sw.js`, `/manifest.webmanifest` and `/icon*`, and promises that
no path of Matrix is touched, that a page gets a policy under which only our own scripts run, and
that a browser never keeps a page that names files of an older build.
"""
