-- owner: the checksum of a file; done by the server, which has the function
select encode(sha256(convert_to($1, 'UTF8')), 'hex')
