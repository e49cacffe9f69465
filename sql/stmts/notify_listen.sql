-- listen: hear what other daemons tell
listen turno
