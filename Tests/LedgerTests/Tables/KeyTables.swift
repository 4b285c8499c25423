import Testing

extension Table {
    static let keys: [Table] = [
        Table(
            "The same command again is the same movement",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500           posted
            post     T1  float → alice  500           replayed
            balance  alice  posted 500  held 0  available 500
            hold     H1  alice → shop   100 for 1h    held
            hold     H1  alice → shop   100 for 1h    replayed
            capture  H1  40  as C1                    posted
            capture  H1  40  as C1                    replayed
            reverse  C1  as R1                        reversed
            reverse  C1  as R1                        replayed
            hold     H2  alice → shop   100 for 1h    held
            void     H2  as V1                        voided
            void     H2  as V1                        replayed
            hold     H3  alice → shop   100 for 1h    held
            advance  1h
            expire   H3  as E1                        expired
            expire   H3  as E1                        replayed
            balance  alice  posted 500  held 0  available 500
            history  alice  is E1 H3 V1 H2 R1 C1 H1 T1
            """),
        Table(
            "The same key for another command names the first difference",
            """
            account alice  KES  floor
            account bob    KES  floor
            account shop   KES  floor
            account float  KES
            account dfloat USD
            post    T0  float → bob    900           posted
            post    T1  float → alice  500           posted
            post    T1  float → alice  501           idempotency_mismatch first_difference=amount
            post    T1  float → bob    501           idempotency_mismatch first_difference=to
            post    T1  bob → shop     501           idempotency_mismatch first_difference=from
            post    T1  float → alice  500 code 2    idempotency_mismatch first_difference=operation
            post    T1  float → alice  500 USD       idempotency_mismatch first_difference=currency
            hold    T1  float → alice  500 for 1h    idempotency_mismatch first_difference=operation
            post    T1  nobody → alice 500           idempotency_mismatch first_difference=from
            post    T1  alice → alice  0             idempotency_mismatch first_difference=from
            hold    H1  alice → shop   100 for 1h    held
            hold    H2  alice → shop   100 for 1h    held
            hold    H1  alice → shop   100 for 2h   idempotency_mismatch first_difference=expires_in
            hold    H1  alice → shop   101 for 2h    idempotency_mismatch first_difference=amount
            post    H1  alice → shop   100           idempotency_mismatch first_difference=operation
            capture H1  40  as C1                    posted
            capture H1  41  as C1                    idempotency_mismatch first_difference=amount
            capture H1      as C1                    idempotency_mismatch first_difference=amount
            capture H2  40  as C1                    idempotency_mismatch first_difference=hold
            void    H1      as C1                    idempotency_mismatch first_difference=operation
            void    H2      as V1                    voided
            void    H1      as V1                    idempotency_mismatch first_difference=hold
            expire  H2      as V1                    idempotency_mismatch first_difference=operation
            reverse C1      as R1                    reversed
            reverse T1      as R1                    idempotency_mismatch first_difference=transfer
            capture C1  40  as R1                    idempotency_mismatch first_difference=operation
            balance alice  posted 500  held 0  available 500
            """),
        Table(
            "A retry may ask for any time without doing harm",
            """
            account  alice  KES  floor
            account  float  KES
            post     T1  float → alice  500           posted
            hold     H1  alice → float  100 for 1h    held
            hold     H1  alice → float  100 for 0s  idempotency_mismatch first_difference=expires_in
            hold     H1  alice → float  100 for 106751991167d  idempotency_mismatch
            hold     H1  alice → float  100 for -106751991167d idempotency_mismatch
            """),
        Table(
            "All of a hold is the same as its amount",
            """
            account  alice  KES  floor
            account  float  KES
            post     T1  float → alice  500           posted
            hold     H1  alice → float  100 for 1h    held
            capture  H1       as C1                   posted
            capture  H1  100  as C1                   replayed
            capture  H1  99   as C1                   idempotency_mismatch first_difference=amount
            """),
        Table(
            "Linked movements replay together, and each is compared",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  cafe   KES  floor
            account  float  KES
            post     T1  float → alice  500          posted
            linked   T2                              posted
            +        post  alice → shop  100
            +        post  alice → cafe  50
            linked   T2                              replayed
            +        post  alice → shop  100
            +        post  alice → cafe  50
            linked   T2                              idempotency_mismatch first_difference=amount
            +        post  alice → shop  100
            +        post  alice → cafe  51
            linked   T2                              idempotency_mismatch first_difference=operation
            +        post  alice → shop  100
            +        post  alice → cafe  50
            +        post  alice → shop  1              // one more; below, one less
            post     T2  alice → shop    100  idempotency_mismatch first_difference=operation
            balance  alice  posted 350  held 0  available 350
            """),
        Table(
            "What the server worked out itself may change between tries",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  fees   KES
            account  float  KES
            post     T1  float → alice  500          posted
            linked   T2                              posted
            +        post  alice → shop  100
            +        post  alice → fees  3 derived
            linked   T2                              replayed         // dearer since
            +        post  alice → shop  100
            +        post  alice → fees  4 derived
            post     T2  alice → shop    100         replayed         // free since
            linked   T2                              idempotency_mismatch first_difference=amount
            +        post  alice → shop  101
            +        post  alice → fees  3 derived
            post     T3  alice → shop    100         posted           // free then
            linked   T3                              replayed
            +        post  alice → shop  100
            +        post  alice → fees  3 derived
            balance  fees  posted 3  held 0  available 3
            """),
        Table(
            "A refused command leaves its key free",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  alice → shop   100    insufficient_funds available=0
            post     T1  alice → shop   100    insufficient_funds available=0
            post     T2  float → alice  100    posted
            post     T1  alice → shop   60     posted        // now that there is money
            post     T1  alice → shop   100    idempotency_mismatch first_difference=amount
            """),
        Table(
            "Twins in one batch have one effect",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            batch
            |        post  T1  float → alice  100    posted
            |        post  T1  float → alice  100    replayed
            |        post  T1  float → alice  101    idempotency_mismatch first_difference=amount
            |        post  T2  alice → shop   100    posted
            |        post  T1  float → alice  100    replayed
            balance  alice  posted 0    held 0  available 0
            balance  shop   posted 100  held 0  available 100
            """),
        Table(
            "A twin of a refused command is decided for itself",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            batch
            |        post  T1  alice → shop   100    insufficient_funds
            |        post  T1  alice → shop   100    posted         // after all of the first round
            |        post  T2  float → alice  100    posted
            |        post  T1  alice → shop   100    replayed
            balance  shop   posted 100  held 0  available 100
            """),
        Table(
            "Without a key every command counts",
            """
            account  alice  KES  floor
            account  float  KES
            post     -  float → alice  100    posted
            post     -  float → alice  100    posted
            balance  alice  posted 200  held 0  available 200
            """),
    ]
}
