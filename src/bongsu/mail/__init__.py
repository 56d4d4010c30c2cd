"""E-mail over SMTP, through the one mail server that the operator named (aiosmtplib)."""
