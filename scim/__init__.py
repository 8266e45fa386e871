"""The SCIM 2.0 service provider (RFC 7643, RFC 7644): a Flask blueprint over `ims`, with no directory in sight."""
