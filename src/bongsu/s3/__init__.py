"""The sites' media stores over the S3 protocol, whoever speaks it (SeaweedFS, MinIO, Ceph, …)."""
