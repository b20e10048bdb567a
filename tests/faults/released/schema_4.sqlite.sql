BEGIN TRANSACTION;
CREATE TABLE ln_environment (
	hash VARCHAR NOT NULL, 
	python VARCHAR NOT NULL, 
	packages JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_ln_environment PRIMARY KEY (hash)
);
INSERT INTO "ln_environment" VALUES('eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','3.12.1','{"numpy": "2.0.1", "pandas": "2.2.3"}','2026-03-01 09:30:00.123456');
CREATE TABLE ln_executed_cell (
	run_id VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	cell_id VARCHAR, 
	source_hash VARCHAR, 
	started_at DATETIME NOT NULL, 
	seconds DOUBLE, 
	ok BOOLEAN, number INTEGER, error_type VARCHAR, error_message VARCHAR, error_line INTEGER, text_id BIGINT CONSTRAINT fk_ln_executed_cell_text_id REFERENCES ln_text (id) ON DELETE SET NULL, 
	CONSTRAINT pk_ln_executed_cell PRIMARY KEY (run_id, position), 
	CONSTRAINT fk_ln_executed_cell_run_id FOREIGN KEY(run_id) REFERENCES ln_run (id) ON DELETE CASCADE
);
INSERT INTO "ln_executed_cell" VALUES('finished000000000000',1,'c0','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-02 09:30:00.123456',0.25,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "ln_executed_cell" VALUES('finished000000000000',2,'c1','95baf036f1aa2733423c14f202dbee17b0d6c29230f6484fd711c678cd64635a','2026-03-02 09:30:01.123456',4.0,0,2,'ZeroDivisionError','division by zero',1,674324998505800307);
CREATE TABLE ln_file (
	id VARCHAR NOT NULL, 
	name VARCHAR, 
	suffix VARCHAR, 
	uri VARCHAR, 
	size BIGINT, 
	hash VARCHAR, 
	created_at DATETIME NOT NULL, 
	created_by_id VARCHAR, 
	revision INTEGER NOT NULL, 
	CONSTRAINT pk_ln_file PRIMARY KEY (id), 
	CONSTRAINT fk_ln_file_created_by_id FOREIGN KEY(created_by_id) REFERENCES ln_user (id)
);
INSERT INTO "ln_file" VALUES('fileIn00000000000000','in','.csv','/data/in.csv',12,'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','2026-03-02 09:30:00.123456','ann00000',1);
INSERT INTO "ln_file" VALUES('fileOut0000000000000','out','.csv','/data/out.csv',34,'0000000000000000000000000000000000000000000000000000000000000000','2026-03-02 09:30:05.123456','ann00000',1);
CREATE TABLE "ln_notebook" (
	id VARCHAR NOT NULL, 
	v VARCHAR NOT NULL, 
	name VARCHAR, 
	title VARCHAR, 
	parent_id VARCHAR, 
	parent_v VARCHAR, 
	published_at DATETIME, 
	source_hash VARCHAR, 
	environment_hash VARCHAR, 
	created_at DATETIME NOT NULL, 
	created_by_id VARCHAR, 
	revision INTEGER NOT NULL, 
	published_by_id VARCHAR, 
	CONSTRAINT pk_ln_notebook PRIMARY KEY (id, v), 
	CONSTRAINT fk_ln_notebook_created_by_id FOREIGN KEY(created_by_id) REFERENCES ln_user (id), 
	CONSTRAINT fk_ln_notebook_environment_hash FOREIGN KEY(environment_hash) REFERENCES ln_environment (hash), 
	CONSTRAINT fk_ln_notebook_parent_id_parent_v FOREIGN KEY(parent_id, parent_v) REFERENCES ln_notebook (id, v), 
	CONSTRAINT fk_ln_notebook_source_hash FOREIGN KEY(source_hash) REFERENCES ln_source (hash), 
	CONSTRAINT fk_ln_notebook_published_by_id FOREIGN KEY(published_by_id) REFERENCES ln_user (id) ON DELETE SET NULL
);
INSERT INTO "ln_notebook" VALUES('Growth0000aa','1','growth','Growth of E. coli',NULL,NULL,'2026-03-03 09:30:00.123456','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','2026-03-01 09:30:00.123456','ann00000',1,NULL);
INSERT INTO "ln_notebook" VALUES('Growth0000aa','2','growth','Growth of E. coli','Growth0000aa','1',NULL,NULL,NULL,'2026-03-04 09:30:00.123456','ann00000',1,NULL);
CREATE TABLE ln_notebook_path (
	host VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	notebook_id VARCHAR NOT NULL, 
	notebook_v VARCHAR NOT NULL, 
	cell_ids JSON, 
	source_hash VARCHAR, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_ln_notebook_path PRIMARY KEY (host, path), 
	CONSTRAINT fk_ln_notebook_path_notebook_id_notebook_v FOREIGN KEY(notebook_id, notebook_v) REFERENCES ln_notebook (id, v) ON DELETE CASCADE
);
INSERT INTO "ln_notebook_path" VALUES('lab-1','/data/growth.ipynb','Growth0000aa','2','["c0", "c1"]','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-04 09:30:00.123456');
CREATE TABLE ln_pipeline (
	id VARCHAR NOT NULL, 
	v VARCHAR NOT NULL, 
	name VARCHAR, 
	reference VARCHAR, 
	created_at DATETIME NOT NULL, 
	created_by_id VARCHAR, 
	revision INTEGER NOT NULL, 
	CONSTRAINT pk_ln_pipeline PRIMARY KEY (id, v), 
	CONSTRAINT fk_ln_pipeline_created_by_id FOREIGN KEY(created_by_id) REFERENCES ln_user (id)
);
INSERT INTO "ln_pipeline" VALUES('pipe0000','1','Transform A','https://example.org/a','2026-03-01 09:30:00.123456','ann00000',1);
CREATE TABLE ln_run (
	id VARCHAR NOT NULL, 
	name VARCHAR, 
	external_id VARCHAR, 
	pipeline_id VARCHAR, 
	pipeline_v VARCHAR, 
	notebook_id VARCHAR, 
	notebook_v VARCHAR, 
	started_at DATETIME, 
	heard_at DATETIME, 
	last_cell_at DATETIME, 
	finished_at DATETIME, 
	outcome VARCHAR, 
	host VARCHAR, 
	pid INTEGER, 
	process_started_at DATETIME, 
	kernel_id VARCHAR, 
	kernel_name VARCHAR, 
	runner VARCHAR, 
	path VARCHAR, 
	python VARCHAR, 
	imports JSON, 
	environment_hash VARCHAR, 
	source_hash VARCHAR, 
	git_commit VARCHAR, 
	git_dirty BOOLEAN, 
	parameters JSON, 
	created_at DATETIME NOT NULL, 
	created_by_id VARCHAR, 
	revision INTEGER NOT NULL, reason VARCHAR, failures INTEGER, busy_seconds DOUBLE, alive_seconds DOUBLE, argv JSON, platform VARCHAR, results JSON, note VARCHAR, parent_id VARCHAR CONSTRAINT fk_ln_run_parent_id REFERENCES ln_run (id) ON DELETE SET NULL, continues_id VARCHAR CONSTRAINT fk_ln_run_continues_id REFERENCES ln_run (id) ON DELETE SET NULL, repeats_id VARCHAR CONSTRAINT fk_ln_run_repeats_id REFERENCES ln_run (id) ON DELETE SET NULL, unlisted_files INTEGER, 
	CONSTRAINT pk_ln_run PRIMARY KEY (id), 
	CONSTRAINT fk_ln_run_pipeline_id_pipeline_v FOREIGN KEY(pipeline_id, pipeline_v) REFERENCES ln_pipeline (id, v), 
	CONSTRAINT fk_ln_run_notebook_id_notebook_v FOREIGN KEY(notebook_id, notebook_v) REFERENCES ln_notebook (id, v), 
	CONSTRAINT fk_ln_run_environment_hash FOREIGN KEY(environment_hash) REFERENCES ln_environment (hash), 
	CONSTRAINT fk_ln_run_source_hash FOREIGN KEY(source_hash) REFERENCES ln_source (hash), 
	CONSTRAINT fk_ln_run_created_by_id FOREIGN KEY(created_by_id) REFERENCES ln_user (id)
);
INSERT INTO "ln_run" VALUES('finished000000000000','Solve Problem X','job-7','pipe0000','1','Growth0000aa','1','2026-03-02 09:30:00.123456','2026-03-02 09:30:30.123456','2026-03-02 09:30:29.123456','2026-03-02 09:30:31.123456','ok','lab-1',4711,'2026-03-02 09:30:00.123456','6f1c','python3','nbmake','/data/growth.ipynb','3.12.1','{"numpy": "2.0.1"}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','0123abc',1,'{"alpha": 0.5, "name": "x"}','2026-03-02 09:30:00.123456','ann00000',1,'cell 2: ZeroDivisionError: division by zero',1,4.25,31.0,'["fit.py", "3"]','Linux-6.1-x86_64','{"auc": 0.91}','the one in the paper',NULL,'byhand00000000000000',NULL,7);
INSERT INTO "ln_run" VALUES('byhand00000000000000','by hand',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-03-05 09:30:00.123456','ann00000',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE ln_run_file (
	run_id VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	role VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	cell INTEGER, 
	via VARCHAR NOT NULL, 
	size BIGINT, 
	modified_at DATETIME, 
	members INTEGER, 
	reason VARCHAR, 
	file_id VARCHAR, 
	CONSTRAINT pk_ln_run_file PRIMARY KEY (run_id, position), 
	CONSTRAINT fk_ln_run_file_run_id FOREIGN KEY(run_id) REFERENCES ln_run (id) ON DELETE CASCADE, 
	CONSTRAINT fk_ln_run_file_file_id FOREIGN KEY(file_id) REFERENCES ln_file (id) ON DELETE SET NULL
);
INSERT INTO "ln_run_file" VALUES('finished000000000000',1,'input','file','/data/in.csv',1,'open',12,'2026-03-02 09:29:00.123456',NULL,NULL,'fileIn00000000000000');
INSERT INTO "ln_run_file" VALUES('finished000000000000',2,'output','folder','/data/out',2,'pyarrow',34,'2026-03-02 09:30:05.123456',3,NULL,'fileOut0000000000000');
INSERT INTO "ln_run_file" VALUES('finished000000000000',3,'input','url','https://example.org/x.csv',NULL,'stated',NULL,NULL,NULL,'a URL is not read',NULL);
CREATE TABLE ln_run_input (
	run_id VARCHAR NOT NULL, 
	file_id VARCHAR NOT NULL, 
	CONSTRAINT pk_ln_run_input PRIMARY KEY (run_id, file_id), 
	CONSTRAINT fk_ln_run_input_run_id FOREIGN KEY(run_id) REFERENCES ln_run (id) ON DELETE CASCADE, 
	CONSTRAINT fk_ln_run_input_file_id FOREIGN KEY(file_id) REFERENCES ln_file (id)
);
INSERT INTO "ln_run_input" VALUES('finished000000000000','fileIn00000000000000');
CREATE TABLE ln_run_output (
	run_id VARCHAR NOT NULL, 
	file_id VARCHAR NOT NULL, 
	CONSTRAINT pk_ln_run_output PRIMARY KEY (run_id, file_id), 
	CONSTRAINT fk_ln_run_output_run_id FOREIGN KEY(run_id) REFERENCES ln_run (id) ON DELETE CASCADE, 
	CONSTRAINT fk_ln_run_output_file_id FOREIGN KEY(file_id) REFERENCES ln_file (id)
);
INSERT INTO "ln_run_output" VALUES('finished000000000000','fileOut0000000000000');
CREATE TABLE ln_run_tag (
	run_id VARCHAR NOT NULL, 
	tag VARCHAR NOT NULL, 
	CONSTRAINT pk_ln_run_tag PRIMARY KEY (run_id, tag), 
	CONSTRAINT fk_ln_run_tag_run_id FOREIGN KEY(run_id) REFERENCES ln_run (id) ON DELETE CASCADE
);
INSERT INTO "ln_run_tag" VALUES('finished000000000000','final');
CREATE TABLE ln_run_text (
	run_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	hash VARCHAR NOT NULL, 
	text_id BIGINT, 
	CONSTRAINT pk_ln_run_text PRIMARY KEY (run_id, kind, name), 
	CONSTRAINT fk_ln_run_text_run_id FOREIGN KEY(run_id) REFERENCES ln_run (id) ON DELETE CASCADE, 
	CONSTRAINT fk_ln_run_text_text_id FOREIGN KEY(text_id) REFERENCES ln_text (id) ON DELETE SET NULL
);
INSERT INTO "ln_run_text" VALUES('finished000000000000','cells','','3762a06990951ed51c1cdaf749d9d9ddbd7a8f5e16258120e3c0462e06a6de4e',249433037191336429);
CREATE TABLE ln_schema (
	version_num VARCHAR(32) NOT NULL, 
	oldest_reader INTEGER DEFAULT '1' NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "ln_schema" VALUES('0004',1);
CREATE TABLE ln_source (
	hash VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_ln_source PRIMARY KEY (hash)
);
INSERT INTO "ln_source" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',X'789CAB50B05530E4020005360131','2026-03-01 09:30:00.123456');
CREATE TABLE ln_text (
	id INTEGER NOT NULL, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_ln_text PRIMARY KEY (id)
);
INSERT INTO "ln_text" VALUES(249433037191336429,X'78DA8BAE56CA4C51B252504A3650D251502A494C2F06F2A2950A128B1273534B528B8A95626B6301D1690BBC');
INSERT INTO "ln_text" VALUES(674324998505800307,X'78DA3354D057300000027700D1');
CREATE TABLE ln_user (
	id VARCHAR NOT NULL, 
	handle VARCHAR NOT NULL, 
	name VARCHAR, 
	created_at DATETIME NOT NULL, 
	revision INTEGER NOT NULL, 
	CONSTRAINT pk_ln_user PRIMARY KEY (id), 
	CONSTRAINT uq_ln_user_handle UNIQUE (handle)
);
INSERT INTO "ln_user" VALUES('ann00000','ann','Ann','2026-03-01 09:30:00.123456',1);
CREATE INDEX ix_ln_user_created_at ON ln_user (created_at);
CREATE INDEX ix_ln_source_created_at ON ln_source (created_at);
CREATE INDEX ix_ln_environment_created_at ON ln_environment (created_at);
CREATE INDEX ix_ln_pipeline_created_at ON ln_pipeline (created_at);
CREATE INDEX ix_ln_pipeline_name ON ln_pipeline (name);
CREATE INDEX ix_ln_file_name ON ln_file (name);
CREATE INDEX ix_ln_file_hash ON ln_file (hash);
CREATE INDEX ix_ln_file_created_at ON ln_file (created_at);
CREATE INDEX ix_ln_notebook_path_notebook_id_notebook_v ON ln_notebook_path (notebook_id, notebook_v);
CREATE INDEX ix_ln_run_created_at ON ln_run (created_at);
CREATE INDEX ix_ln_run_external_id ON ln_run (external_id);
CREATE INDEX ix_ln_run_pipeline_id_pipeline_v_created_at ON ln_run (pipeline_id, pipeline_v, created_at);
CREATE INDEX ix_ln_run_notebook_id_notebook_v_created_at ON ln_run (notebook_id, notebook_v, created_at);
CREATE INDEX ix_ln_run_name ON ln_run (name);
CREATE INDEX ix_ln_run_input_file_id ON ln_run_input (file_id);
CREATE INDEX ix_ln_run_output_file_id ON ln_run_output (file_id);
CREATE INDEX ix_ln_notebook_parent_id ON ln_notebook (parent_id);
CREATE INDEX ix_ln_notebook_name ON ln_notebook (name);
CREATE INDEX ix_ln_notebook_created_at ON ln_notebook (created_at);
CREATE INDEX ix_ln_run_parent_id ON ln_run (parent_id);
CREATE INDEX ix_ln_run_continues_id ON ln_run (continues_id);
CREATE INDEX ix_ln_run_repeats_id ON ln_run (repeats_id);
CREATE INDEX ix_ln_executed_cell_text_id ON ln_executed_cell (text_id);
CREATE INDEX ix_ln_run_text_text_id ON ln_run_text (text_id);
CREATE INDEX ix_ln_run_tag_tag ON ln_run_tag (tag);
CREATE INDEX ix_ln_run_file_path ON ln_run_file (path);
CREATE INDEX ix_ln_run_file_file_id ON ln_run_file (file_id);
COMMIT;
