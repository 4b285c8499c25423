internal import Postgres

extension IdentitySchema {
    static let kyc = Migration(
        slice: "identity", number: 12, name: "know your customer",
        sql: """
            CREATE TABLE identity.kyc_submissions (
                id uuid PRIMARY KEY,
                user_id uuid NOT NULL REFERENCES identity.users,
                -- What it asks for.
                tier smallint NOT NULL CHECK (tier BETWEEN 1 AND 2),
                -- Names, day of birth and document, under the person's key.
                details_sealed bytea NOT NULL CHECK (octet_length(details_sealed) <= 4096),
                -- Finds the same document in another wallet without storing it.
                document_index bytea CHECK (octet_length(document_index) = 32),
                submitted_at timestamptz NOT NULL,
                state text NOT NULL CHECK (state IN
                    ('submitted', 'reviewed', 'approved', 'refused', 'withdrawn')),
                reviewed_by uuid REFERENCES identity.users,
                reviewed_at timestamptz,
                decided_by uuid REFERENCES identity.users,
                decided_at timestamptz,
                cause text CHECK (cause IN ('unreadable', 'incomplete', 'expired', 'mismatch',
                    'wrong_document', 'not_accepted')),
                CONSTRAINT review_is_whole CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL)),
                CONSTRAINT decision_is_whole CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
                CONSTRAINT cause_iff_refused CHECK ((cause IS NOT NULL) = (state = 'refused')),
                CONSTRAINT state_has_its_people CHECK (CASE state
                    WHEN 'submitted' THEN reviewed_by IS NULL AND decided_by IS NULL
                    WHEN 'reviewed' THEN reviewed_by IS NOT NULL AND decided_by IS NULL
                    WHEN 'approved' THEN reviewed_by IS NOT NULL AND decided_by IS NOT NULL
                    ELSE decided_by IS NOT NULL END),
                CONSTRAINT approved_by_two CHECK (state <> 'approved' OR decided_by <> reviewed_by),
                CONSTRAINT nobody_judges_themself CHECK (reviewed_by <> user_id
                    AND (decided_by <> user_id) = (state <> 'withdrawn'))
            );
            CREATE UNIQUE INDEX kyc_submissions_open_once ON identity.kyc_submissions (user_id)
                WHERE state IN ('submitted', 'reviewed');
            CREATE INDEX kyc_submissions_open ON identity.kyc_submissions (id)
                WHERE state IN ('submitted', 'reviewed');
            CREATE INDEX kyc_submissions_by_state ON identity.kyc_submissions (state, id);
            CREATE INDEX kyc_submissions_by_user ON identity.kyc_submissions (user_id, id);
            CREATE INDEX kyc_submissions_by_document ON identity.kyc_submissions (document_index);

            CREATE FUNCTION identity.keep_kyc_submission() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
                moving text[] = '{state,reviewed_by,reviewed_at,decided_by,decided_at,cause,'
                    'document_index}';
            BEGIN
                IF TG_OP = 'INSERT' THEN
                    IF NEW.state = 'submitted' THEN RETURN NEW; END IF;
                ELSIF TG_OP = 'UPDATE'
                    AND to_jsonb(NEW) - moving = to_jsonb(OLD) - moving
                    AND (NEW.document_index IS NULL OR NEW.document_index = OLD.document_index)
                    AND (OLD.reviewed_by IS NULL OR (NEW.reviewed_by, NEW.reviewed_at)
                        = (OLD.reviewed_by, OLD.reviewed_at))
                    AND ((OLD.state, NEW.state) IN (('submitted', 'reviewed'),
                            ('submitted', 'refused'), ('submitted', 'withdrawn'),
                            ('reviewed', 'approved'), ('reviewed', 'refused'),
                            ('reviewed', 'withdrawn'))
                        -- Of what stays as it is, only that may go by which it is found.
                        OR to_jsonb(NEW) - 'document_index' = to_jsonb(OLD) - 'document_index')
                THEN
                    RETURN NEW;
                END IF;
                RAISE EXCEPTION 'a submission goes from state to state, and stays as decided'
                    USING ERRCODE = 'restrict_violation';
            END $$;
            CREATE TRIGGER kyc_submissions_go_from_state_to_state
                BEFORE INSERT OR UPDATE OR DELETE ON identity.kyc_submissions
                FOR EACH ROW EXECUTE FUNCTION identity.keep_kyc_submission();

            -- Those without a submission wait for one, for a few days.
            CREATE TABLE identity.kyc_images (
                id uuid PRIMARY KEY,
                user_id uuid NOT NULL REFERENCES identity.users,
                side text NOT NULL CHECK (side IN ('front', 'back', 'face')),
                submission_id uuid REFERENCES identity.kyc_submissions,
                media_type text NOT NULL CHECK (media_type IN ('image/jpeg', 'image/png')),
                -- 2 MiB, and what sealing adds.
                sealed bytea NOT NULL CHECK (octet_length(sealed) BETWEEN 64 AND 2097216),
                created_at timestamptz NOT NULL
            );
            -- Ciphertext does not compress.
            ALTER TABLE identity.kyc_images ALTER COLUMN sealed SET STORAGE EXTERNAL;
            CREATE UNIQUE INDEX kyc_images_waiting ON identity.kyc_images (user_id, side)
                WHERE submission_id IS NULL;
            CREATE UNIQUE INDEX kyc_images_submitted ON identity.kyc_images (submission_id, side)
                WHERE submission_id IS NOT NULL;

            -- Whose data staff has seen in the clear. Why, says the audit log.
            CREATE TABLE identity.disclosures (
                id uuid PRIMARY KEY,
                staff uuid NOT NULL REFERENCES identity.users,
                person uuid NOT NULL REFERENCES identity.users,
                submission_id uuid REFERENCES identity.kyc_submissions,
                at timestamptz NOT NULL
            );
            CREATE INDEX disclosures_by_staff ON identity.disclosures (staff, at);
            CREATE INDEX disclosures_by_submission ON identity.disclosures (submission_id, staff);

            CREATE FUNCTION identity.forget_papers() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                DELETE FROM identity.kyc_images WHERE user_id = NEW.id;
                UPDATE identity.kyc_submissions SET state = 'withdrawn', decided_by = NEW.id,
                    decided_at = NEW.erased_at
                WHERE user_id = NEW.id AND state IN ('submitted', 'reviewed');
                UPDATE identity.kyc_submissions SET document_index = NULL WHERE user_id = NEW.id;
                RETURN NULL;
            END $$;
            CREATE TRIGGER the_erased_have_no_papers AFTER UPDATE OF erased_at ON identity.users
                FOR EACH ROW WHEN (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL)
                EXECUTE FUNCTION identity.forget_papers();

            CREATE INDEX users_by_name ON identity.users (username COLLATE "C");
            """)
}
