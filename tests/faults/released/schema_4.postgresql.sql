CREATE TABLE public.ln_environment (
    hash character varying NOT NULL,
    python character varying NOT NULL,
    packages jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.ln_executed_cell (
    run_id character varying NOT NULL,
    "position" integer NOT NULL,
    cell_id character varying,
    source_hash character varying,
    started_at timestamp with time zone NOT NULL,
    seconds double precision,
    ok boolean,
    number integer,
    error_type character varying,
    error_message character varying,
    error_line integer,
    text_id bigint
);
CREATE TABLE public.ln_file (
    id character varying NOT NULL,
    name character varying,
    suffix character varying,
    uri character varying,
    size bigint,
    hash character varying,
    created_at timestamp with time zone NOT NULL,
    created_by_id character varying,
    revision integer NOT NULL
);
CREATE TABLE public.ln_notebook (
    id character varying NOT NULL,
    v character varying NOT NULL,
    name character varying,
    title character varying,
    parent_id character varying,
    parent_v character varying,
    published_at timestamp with time zone,
    source_hash character varying,
    environment_hash character varying,
    created_at timestamp with time zone NOT NULL,
    created_by_id character varying,
    revision integer NOT NULL,
    published_by_id character varying
);
CREATE TABLE public.ln_notebook_path (
    host character varying NOT NULL,
    path character varying NOT NULL,
    notebook_id character varying NOT NULL,
    notebook_v character varying NOT NULL,
    cell_ids jsonb,
    source_hash character varying,
    seen_at timestamp with time zone NOT NULL
);
CREATE TABLE public.ln_pipeline (
    id character varying NOT NULL,
    v character varying NOT NULL,
    name character varying,
    reference character varying,
    created_at timestamp with time zone NOT NULL,
    created_by_id character varying,
    revision integer NOT NULL
);
CREATE TABLE public.ln_run (
    id character varying NOT NULL,
    name character varying,
    external_id character varying,
    pipeline_id character varying,
    pipeline_v character varying,
    notebook_id character varying,
    notebook_v character varying,
    started_at timestamp with time zone,
    heard_at timestamp with time zone,
    last_cell_at timestamp with time zone,
    finished_at timestamp with time zone,
    outcome character varying,
    host character varying,
    pid integer,
    process_started_at timestamp with time zone,
    kernel_id character varying,
    kernel_name character varying,
    runner character varying,
    path character varying,
    python character varying,
    imports jsonb,
    environment_hash character varying,
    source_hash character varying,
    git_commit character varying,
    git_dirty boolean,
    parameters jsonb,
    created_at timestamp with time zone NOT NULL,
    created_by_id character varying,
    revision integer NOT NULL,
    reason character varying,
    failures integer,
    busy_seconds double precision,
    alive_seconds double precision,
    argv jsonb,
    platform character varying,
    results jsonb,
    note character varying,
    parent_id character varying,
    continues_id character varying,
    repeats_id character varying,
    unlisted_files integer
);
CREATE TABLE public.ln_run_file (
    run_id character varying NOT NULL,
    "position" integer NOT NULL,
    role character varying NOT NULL,
    kind character varying NOT NULL,
    path character varying NOT NULL,
    cell integer,
    via character varying NOT NULL,
    size bigint,
    modified_at timestamp with time zone,
    members integer,
    reason character varying,
    file_id character varying
);
CREATE TABLE public.ln_run_input (
    run_id character varying NOT NULL,
    file_id character varying NOT NULL
);
CREATE TABLE public.ln_run_output (
    run_id character varying NOT NULL,
    file_id character varying NOT NULL
);
CREATE TABLE public.ln_run_tag (
    run_id character varying NOT NULL,
    tag character varying NOT NULL
);
CREATE TABLE public.ln_run_text (
    run_id character varying NOT NULL,
    kind character varying NOT NULL,
    name character varying NOT NULL,
    hash character varying NOT NULL,
    text_id bigint
);
CREATE TABLE public.ln_schema (
    version_num character varying(32) NOT NULL,
    oldest_reader integer DEFAULT 1 NOT NULL
);
CREATE TABLE public.ln_source (
    hash character varying NOT NULL,
    content bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.ln_text (
    id bigint NOT NULL,
    content bytea NOT NULL
);
CREATE TABLE public.ln_user (
    id character varying NOT NULL,
    handle character varying NOT NULL,
    name character varying,
    created_at timestamp with time zone NOT NULL,
    revision integer NOT NULL
);
INSERT INTO public.ln_environment VALUES ('eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', '3.12.1', '{"numpy": "2.0.1", "pandas": "2.2.3"}', '2026-03-01 09:30:00.123456+00');
INSERT INTO public.ln_executed_cell VALUES ('finished000000000000', 1, 'c0', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '2026-03-02 09:30:00.123456+00', 0.25, true, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.ln_executed_cell VALUES ('finished000000000000', 2, 'c1', '95baf036f1aa2733423c14f202dbee17b0d6c29230f6484fd711c678cd64635a', '2026-03-02 09:30:01.123456+00', 4, false, 2, 'ZeroDivisionError', 'division by zero', 1, 674324998505800307);
INSERT INTO public.ln_file VALUES ('fileIn00000000000000', 'in', '.csv', '/data/in.csv', 12, 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', '2026-03-02 09:30:00.123456+00', 'ann00000', 1);
INSERT INTO public.ln_file VALUES ('fileOut0000000000000', 'out', '.csv', '/data/out.csv', 34, '0000000000000000000000000000000000000000000000000000000000000000', '2026-03-02 09:30:05.123456+00', 'ann00000', 1);
INSERT INTO public.ln_notebook VALUES ('Growth0000aa', '1', 'growth', 'Growth of E. coli', NULL, NULL, '2026-03-03 09:30:00.123456+00', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', '2026-03-01 09:30:00.123456+00', 'ann00000', 1, NULL);
INSERT INTO public.ln_notebook VALUES ('Growth0000aa', '2', 'growth', 'Growth of E. coli', 'Growth0000aa', '1', NULL, NULL, NULL, '2026-03-04 09:30:00.123456+00', 'ann00000', 1, NULL);
INSERT INTO public.ln_notebook_path VALUES ('lab-1', '/data/growth.ipynb', 'Growth0000aa', '2', '["c0", "c1"]', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '2026-03-04 09:30:00.123456+00');
INSERT INTO public.ln_pipeline VALUES ('pipe0000', '1', 'Transform A', 'https://example.org/a', '2026-03-01 09:30:00.123456+00', 'ann00000', 1);
INSERT INTO public.ln_run VALUES ('finished000000000000', 'Solve Problem X', 'job-7', 'pipe0000', '1', 'Growth0000aa', '1', '2026-03-02 09:30:00.123456+00', '2026-03-02 09:30:30.123456+00', '2026-03-02 09:30:29.123456+00', '2026-03-02 09:30:31.123456+00', 'ok', 'lab-1', 4711, '2026-03-02 09:30:00.123456+00', '6f1c', 'python3', 'nbmake', '/data/growth.ipynb', '3.12.1', '{"numpy": "2.0.1"}', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '0123abc', true, '{"name": "x", "alpha": 0.5}', '2026-03-02 09:30:00.123456+00', 'ann00000', 1, 'cell 2: ZeroDivisionError: division by zero', 1, 4.25, 31, '["fit.py", "3"]', 'Linux-6.1-x86_64', '{"auc": 0.91}', 'the one in the paper', NULL, 'byhand00000000000000', NULL, 7);
INSERT INTO public.ln_run VALUES ('byhand00000000000000', 'by hand', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-05 09:30:00.123456+00', 'ann00000', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.ln_run_input VALUES ('finished000000000000', 'fileIn00000000000000');
INSERT INTO public.ln_run_output VALUES ('finished000000000000', 'fileOut0000000000000');
INSERT INTO public.ln_run_file VALUES ('finished000000000000', 1, 'input', 'file', '/data/in.csv', 1, 'open', 12, '2026-03-02 09:29:00.123456+00', NULL, NULL, 'fileIn00000000000000');
INSERT INTO public.ln_run_file VALUES ('finished000000000000', 2, 'output', 'folder', '/data/out', 2, 'pyarrow', 34, '2026-03-02 09:30:05.123456+00', 3, NULL, 'fileOut0000000000000');
INSERT INTO public.ln_run_file VALUES ('finished000000000000', 3, 'input', 'url', 'https://example.org/x.csv', NULL, 'stated', NULL, NULL, NULL, 'a URL is not read', NULL);
INSERT INTO public.ln_run_tag VALUES ('finished000000000000', 'final');
INSERT INTO public.ln_run_text VALUES ('finished000000000000', 'cells', '', '3762a06990951ed51c1cdaf749d9d9ddbd7a8f5e16258120e3c0462e06a6de4e', 249433037191336429);
INSERT INTO public.ln_schema VALUES ('0004', 1);
INSERT INTO public.ln_source VALUES ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '\x789cab50b05530e4020005360131', '2026-03-01 09:30:00.123456+00');
INSERT INTO public.ln_text VALUES (674324998505800307, '\x78da3354d057300000027700d1');
INSERT INTO public.ln_text VALUES (249433037191336429, '\x78da8bae56ca4c51b252504a3650d251502a494c2f06f2a2950a128b1273534b528b8a95626b6301d1690bbc');
INSERT INTO public.ln_user VALUES ('ann00000', 'ann', 'Ann', '2026-03-01 09:30:00.123456+00', 1);
ALTER TABLE ONLY public.ln_schema
    ADD CONSTRAINT ln_schema_pkey PRIMARY KEY (version_num);
ALTER TABLE ONLY public.ln_environment
    ADD CONSTRAINT pk_ln_environment PRIMARY KEY (hash);
ALTER TABLE ONLY public.ln_executed_cell
    ADD CONSTRAINT pk_ln_executed_cell PRIMARY KEY (run_id, "position");
ALTER TABLE ONLY public.ln_file
    ADD CONSTRAINT pk_ln_file PRIMARY KEY (id);
ALTER TABLE ONLY public.ln_notebook
    ADD CONSTRAINT pk_ln_notebook PRIMARY KEY (id, v);
ALTER TABLE ONLY public.ln_notebook_path
    ADD CONSTRAINT pk_ln_notebook_path PRIMARY KEY (host, path);
ALTER TABLE ONLY public.ln_pipeline
    ADD CONSTRAINT pk_ln_pipeline PRIMARY KEY (id, v);
ALTER TABLE ONLY public.ln_run
    ADD CONSTRAINT pk_ln_run PRIMARY KEY (id);
ALTER TABLE ONLY public.ln_run_file
    ADD CONSTRAINT pk_ln_run_file PRIMARY KEY (run_id, "position");
ALTER TABLE ONLY public.ln_run_input
    ADD CONSTRAINT pk_ln_run_input PRIMARY KEY (run_id, file_id);
ALTER TABLE ONLY public.ln_run_output
    ADD CONSTRAINT pk_ln_run_output PRIMARY KEY (run_id, file_id);
ALTER TABLE ONLY public.ln_run_tag
    ADD CONSTRAINT pk_ln_run_tag PRIMARY KEY (run_id, tag);
ALTER TABLE ONLY public.ln_run_text
    ADD CONSTRAINT pk_ln_run_text PRIMARY KEY (run_id, kind, name);
ALTER TABLE ONLY public.ln_source
    ADD CONSTRAINT pk_ln_source PRIMARY KEY (hash);
ALTER TABLE ONLY public.ln_text
    ADD CONSTRAINT pk_ln_text PRIMARY KEY (id);
ALTER TABLE ONLY public.ln_user
    ADD CONSTRAINT pk_ln_user PRIMARY KEY (id);
ALTER TABLE ONLY public.ln_user
    ADD CONSTRAINT uq_ln_user_handle UNIQUE (handle);
CREATE INDEX ix_ln_environment_created_at ON public.ln_environment USING btree (created_at);
CREATE INDEX ix_ln_executed_cell_text_id ON public.ln_executed_cell USING btree (text_id);
CREATE INDEX ix_ln_file_created_at ON public.ln_file USING btree (created_at);
CREATE INDEX ix_ln_file_hash ON public.ln_file USING btree (hash);
CREATE INDEX ix_ln_file_name ON public.ln_file USING btree (name);
CREATE INDEX ix_ln_notebook_created_at ON public.ln_notebook USING btree (created_at);
CREATE INDEX ix_ln_notebook_name ON public.ln_notebook USING btree (name);
CREATE INDEX ix_ln_notebook_parent_id ON public.ln_notebook USING btree (parent_id);
CREATE INDEX ix_ln_notebook_path_notebook_id_notebook_v ON public.ln_notebook_path USING btree (notebook_id, notebook_v);
CREATE INDEX ix_ln_pipeline_created_at ON public.ln_pipeline USING btree (created_at);
CREATE INDEX ix_ln_pipeline_name ON public.ln_pipeline USING btree (name);
CREATE INDEX ix_ln_run_continues_id ON public.ln_run USING btree (continues_id);
CREATE INDEX ix_ln_run_created_at ON public.ln_run USING btree (created_at);
CREATE INDEX ix_ln_run_external_id ON public.ln_run USING btree (external_id);
CREATE INDEX ix_ln_run_file_file_id ON public.ln_run_file USING btree (file_id);
CREATE INDEX ix_ln_run_file_path ON public.ln_run_file USING btree (path);
CREATE INDEX ix_ln_run_input_file_id ON public.ln_run_input USING btree (file_id);
CREATE INDEX ix_ln_run_name ON public.ln_run USING btree (name);
CREATE INDEX ix_ln_run_notebook_id_notebook_v_created_at ON public.ln_run USING btree (notebook_id, notebook_v, created_at);
CREATE INDEX ix_ln_run_output_file_id ON public.ln_run_output USING btree (file_id);
CREATE INDEX ix_ln_run_parent_id ON public.ln_run USING btree (parent_id);
CREATE INDEX ix_ln_run_pipeline_id_pipeline_v_created_at ON public.ln_run USING btree (pipeline_id, pipeline_v, created_at);
CREATE INDEX ix_ln_run_repeats_id ON public.ln_run USING btree (repeats_id);
CREATE INDEX ix_ln_run_tag_tag ON public.ln_run_tag USING btree (tag);
CREATE INDEX ix_ln_run_text_text_id ON public.ln_run_text USING btree (text_id);
CREATE INDEX ix_ln_source_created_at ON public.ln_source USING btree (created_at);
CREATE INDEX ix_ln_user_created_at ON public.ln_user USING btree (created_at);
ALTER TABLE ONLY public.ln_executed_cell
    ADD CONSTRAINT fk_ln_executed_cell_run_id FOREIGN KEY (run_id) REFERENCES public.ln_run(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ln_executed_cell
    ADD CONSTRAINT fk_ln_executed_cell_text_id FOREIGN KEY (text_id) REFERENCES public.ln_text(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.ln_file
    ADD CONSTRAINT fk_ln_file_created_by_id FOREIGN KEY (created_by_id) REFERENCES public.ln_user(id);
ALTER TABLE ONLY public.ln_notebook
    ADD CONSTRAINT fk_ln_notebook_created_by_id FOREIGN KEY (created_by_id) REFERENCES public.ln_user(id);
ALTER TABLE ONLY public.ln_notebook
    ADD CONSTRAINT fk_ln_notebook_environment_hash FOREIGN KEY (environment_hash) REFERENCES public.ln_environment(hash);
ALTER TABLE ONLY public.ln_notebook
    ADD CONSTRAINT fk_ln_notebook_parent_id_parent_v FOREIGN KEY (parent_id, parent_v) REFERENCES public.ln_notebook(id, v);
ALTER TABLE ONLY public.ln_notebook_path
    ADD CONSTRAINT fk_ln_notebook_path_notebook_id_notebook_v FOREIGN KEY (notebook_id, notebook_v) REFERENCES public.ln_notebook(id, v) ON DELETE CASCADE;
ALTER TABLE ONLY public.ln_notebook
    ADD CONSTRAINT fk_ln_notebook_published_by_id FOREIGN KEY (published_by_id) REFERENCES public.ln_user(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.ln_notebook
    ADD CONSTRAINT fk_ln_notebook_source_hash FOREIGN KEY (source_hash) REFERENCES public.ln_source(hash);
ALTER TABLE ONLY public.ln_pipeline
    ADD CONSTRAINT fk_ln_pipeline_created_by_id FOREIGN KEY (created_by_id) REFERENCES public.ln_user(id);
ALTER TABLE ONLY public.ln_run
    ADD CONSTRAINT fk_ln_run_continues_id FOREIGN KEY (continues_id) REFERENCES public.ln_run(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.ln_run
    ADD CONSTRAINT fk_ln_run_created_by_id FOREIGN KEY (created_by_id) REFERENCES public.ln_user(id);
ALTER TABLE ONLY public.ln_run
    ADD CONSTRAINT fk_ln_run_environment_hash FOREIGN KEY (environment_hash) REFERENCES public.ln_environment(hash);
ALTER TABLE ONLY public.ln_run_file
    ADD CONSTRAINT fk_ln_run_file_file_id FOREIGN KEY (file_id) REFERENCES public.ln_file(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.ln_run_file
    ADD CONSTRAINT fk_ln_run_file_run_id FOREIGN KEY (run_id) REFERENCES public.ln_run(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ln_run_input
    ADD CONSTRAINT fk_ln_run_input_file_id FOREIGN KEY (file_id) REFERENCES public.ln_file(id);
ALTER TABLE ONLY public.ln_run_input
    ADD CONSTRAINT fk_ln_run_input_run_id FOREIGN KEY (run_id) REFERENCES public.ln_run(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ln_run
    ADD CONSTRAINT fk_ln_run_notebook_id_notebook_v FOREIGN KEY (notebook_id, notebook_v) REFERENCES public.ln_notebook(id, v);
ALTER TABLE ONLY public.ln_run_output
    ADD CONSTRAINT fk_ln_run_output_file_id FOREIGN KEY (file_id) REFERENCES public.ln_file(id);
ALTER TABLE ONLY public.ln_run_output
    ADD CONSTRAINT fk_ln_run_output_run_id FOREIGN KEY (run_id) REFERENCES public.ln_run(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ln_run
    ADD CONSTRAINT fk_ln_run_parent_id FOREIGN KEY (parent_id) REFERENCES public.ln_run(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.ln_run
    ADD CONSTRAINT fk_ln_run_pipeline_id_pipeline_v FOREIGN KEY (pipeline_id, pipeline_v) REFERENCES public.ln_pipeline(id, v);
ALTER TABLE ONLY public.ln_run
    ADD CONSTRAINT fk_ln_run_repeats_id FOREIGN KEY (repeats_id) REFERENCES public.ln_run(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.ln_run
    ADD CONSTRAINT fk_ln_run_source_hash FOREIGN KEY (source_hash) REFERENCES public.ln_source(hash);
ALTER TABLE ONLY public.ln_run_tag
    ADD CONSTRAINT fk_ln_run_tag_run_id FOREIGN KEY (run_id) REFERENCES public.ln_run(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ln_run_text
    ADD CONSTRAINT fk_ln_run_text_run_id FOREIGN KEY (run_id) REFERENCES public.ln_run(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ln_run_text
    ADD CONSTRAINT fk_ln_run_text_text_id FOREIGN KEY (text_id) REFERENCES public.ln_text(id) ON DELETE SET NULL;
