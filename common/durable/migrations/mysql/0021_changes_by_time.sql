CREATE INDEX changes_by_time ON changes (at) COMMENT 'countersign 0021'
