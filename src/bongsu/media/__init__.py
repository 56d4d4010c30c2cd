"""The content repository: what people upload, and the thumbnails made of it.

It promises that an upload answered 200 is on disk, fsync'd, and named by a committed row; that a
media id never tells what it holds; and that nothing served from here can run as a script.

`content` and `thumbnail` are pure; `repository` and `thumbnails` are the two services. Bytes live
behind `BlobStore`, rows behind `MediaStore`, the image library behind `Thumbnailer`.
Matrix spec: client-server API, "Content repository".
"""
