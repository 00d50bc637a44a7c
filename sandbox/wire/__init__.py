"""What stands on the wire whatever the surface, each rule once: how it is read, and how it is written.

Headers (`authorization`, `http_dates`, `media_types`, `served_content`), bodies (`forms`, `multipart`, `field_errors`,
`file_types`), and what stands in either (`base64_text`, `whole_numbers`, `paging`). Knows no surface and no server.
"""
