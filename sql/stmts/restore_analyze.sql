-- owner: statistics do not come with a backup
analyze
