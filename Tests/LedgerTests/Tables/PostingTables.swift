import Testing

extension Table {
    static let posting: [Table] = [
        Table(
            "Money moves from debit to credit",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500    posted
            post     T2  alice → shop   200    posted
            balance  float  posted -500  held 0  available -500    // money at the bank is a debit
            balance  alice  posted 300   held 0  available 300
            balance  shop   posted 200   held 0  available 200
            trial    0
            """),
        Table(
            "A refused movement leaves everything as it was",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500    posted
            post     T2  alice → shop   501    insufficient_funds available=500
            balance  alice  posted 500  held 0  available 500
            balance  shop   posted 0    held 0  available 0
            history  alice  is T1
            history  shop   is
            post     T3  alice → shop   500    posted        // to the last minor unit
            post     T4  alice → shop   1      insufficient_funds available=0
            """),
        Table(
            "What can be seen from the command alone is refused first",
            """
            account  alice  KES  floor
            post     T1  alice → alice    0        amount_must_be_positive   // before the accounts
            post     T2  alice → alice    -5       amount_must_be_positive
            post     T3  alice → alice    min      amount_must_be_positive
            post     T4  alice → alice    5        accounts_must_differ
            post     T5  nobody → nobody  5        accounts_must_differ    // before they are sought
            hold     H1  alice → alice    0 for 1h  amount_must_be_positive
            hold     H2  alice → alice    5 for 1h  accounts_must_differ
            """),
        Table(
            "Both accounts must exist",
            """
            account  alice  KES  floor
            post     T1  alice → nobody  5         account_not_found         // before funds
            post     T2  nobody → alice  5         account_not_found
            hold     H1  alice → nobody  5 for 1h  account_not_found
            """),
        Table(
            "Currencies never mix",
            """
            account  alice   KES  floor
            account  float   KES
            account  dollars USD  floor
            account  dfloat  USD
            post     T1  float → alice    500          posted
            post     T2  alice → dollars  100          currencies_must_match
            post     T3  alice → dollars  100 USD      currencies_must_match
            post     T4  float → alice    100 USD      currencies_must_match  // both are KES
            hold     H1  alice → dollars  100 for 1h   currencies_must_match
            post     T5  dfloat → dollars 700          posted
            balance  alice    posted 500  held 0  available 500
            balance  dollars  posted 700  held 0  available 700
            trial    0                                                         // for each currency
            """),
        Table(
            "A floor below zero is credit, and above zero is a deposit",
            """
            account  alice  KES  floor -300
            account  shop   KES  floor
            account  float  KES
            post     T1  alice → shop   301    insufficient_funds available=300
            post     T2  alice → shop   300    posted
            post     T3  alice → shop   1      insufficient_funds available=0
            balance  alice  posted -300  held 0  available -300
            post     T4  float → alice  50     posted
            post     T5  alice → shop   51     insufficient_funds available=50
            """),
        Table(
            "A closed account takes part in nothing new",
            """
            account  alice  KES  floor
            account  bob    KES  floor
            account  float  KES
            post     T1  float → alice  500          posted
            post     T2  float → bob    500          posted
            hold     H1  bob → alice    100 for 1h   held
            hold     H2  bob → alice    150 for 1h   held
            post     T3  alice → bob    50           posted
            close    bob
            post     T4  bob → alice    10           debit_account_closed
            post     T5  alice → bob    10           credit_account_closed
            post     T6  alice → bob    9_999        credit_account_closed   // before funds
            hold     H3  bob → alice    10 for 1h    debit_account_closed
            hold     H4  alice → bob    10 for 1h    credit_account_closed
            capture  H1                              debit_account_closed
            reverse  T3                              debit_account_closed
            void     H1  as V1                       voided         // what was promised is let go
            advance  1h
            sweep    1
            balance  bob    posted 550  held 0  available 550        // and the history stays
            history  bob    is 7 V1 T3 H2 H1 T2
            """),
        Table(
            "Closing both sides names the paying one",
            """
            account  alice  KES  floor
            account  bob    KES  floor
            close    alice
            close    bob
            close    bob                                             // once more changes nothing
            post     T1  alice → bob    10           debit_account_closed
            """),
        Table(
            "While money-out is stopped, what customers have stays where it is",
            """
            account  alice  KES  floor
            account  bob    KES  floor
            account  float  KES
            post     T1  float → alice  500          posted
            hold     H1  alice → bob    100 for 1h   held
            hold     H2  alice → bob    50 for 1h    held
            hold     H3  alice → bob    50 for 1h    held
            stop
            post     T2  alice → bob    10           money_out_stopped
            hold     H4  alice → bob    10 for 1h    money_out_stopped
            capture  H1                              money_out_stopped
            reverse  T1                              money_out_stopped
            post     T3  float → alice  20           posted         // money in is welcome
            void     H2  as V1                       voided
            post     T1  float → alice  500          replayed       // what was done stays done
            advance  1h
            sweep    2
            resume
            post     T2  alice → bob    10           posted
            balance  alice  posted 510  held 0  available 510
            """),
    ]

    static let linking: [Table] = [
        Table(
            "Linked movements all happen",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  fees   KES
            account  float  KES
            post     T1  float → alice  500    posted
            linked   T2                        posted
            +        post  alice → shop  490
            +        post  alice → fees  10
            balance  alice  posted 0    held 0  available 0          // 500 − 490 − 10
            balance  shop   posted 490  held 0  available 490
            balance  fees   posted 10   held 0  available 10
            history  alice  is T2.2 T2 T1
            trial    0
            """),
        Table(
            "Or none does",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  fees   KES
            account  float  KES
            post     T1  float → alice  500    posted
            linked   T2                        insufficient_funds available=5
            +        post  alice → shop  495
            +        post  alice → fees  6                           // 5 are left for it
            balance  alice  posted 500  held 0  available 500
            balance  shop   posted 0    held 0  available 0
            balance  fees   posted 0    held 0  available 0
            history  alice  is T1
            linked   T3                        accounts_must_differ
            +        post  alice → shop  1
            +        hold  alice → shop  1 for 1h
            +        post  alice → alice 1
            history  alice  is T1
            balance  alice  posted 500  held 0  available 500
            """),
        Table(
            "A later leg may spend what an earlier one brought",
            """
            account  alice  KES  floor
            account  bob    KES  floor
            account  shop   KES  floor
            account  float  KES
            linked   T1                        posted
            +        post  float → alice  100
            +        post  alice → bob    100
            +        post  bob → shop     100
            linked   T2                        insufficient_funds available=0
            +        post  bob → alice    100                        // not yet: the order counts
            +        post  shop → bob     100
            linked   T3                        posted
            +        post  shop → bob     100
            +        post  bob → alice    100
            balance  alice  posted 100  held 0  available 100
            balance  bob    posted 0    held 0  available 0
            trial    0
            """),
        Table(
            "A refused command takes nothing back from its neighbours in the batch",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            batch
            |        post  T1  float → alice  100    posted
            |        post  T2  alice → shop   60     posted
            |        post  T3  alice → shop   60     insufficient_funds available=40
            |        post  T4  alice → nobody 1      account_not_found
            |        post  T5  alice → shop   40     posted
            balance  alice  posted 0    held 0  available 0
            balance  shop   posted 100  held 0  available 100
            history  alice  is T5 T2 T1
            """),
        Table(
            "What a refused command had begun is undone before its neighbours are decided",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  100           posted
            hold     H1  alice → shop   60 for 1h     held
            batch
            |        linked  L1                       insufficient_funds available=40
            +        capture  H1  60
            +        post  alice → shop  41                          // 40 are left by then
            |        capture  H1  50                  posted         // H1 is open again
            |        linked  L2                       posted
            +        post  alice → shop  20
            +        post  alice → shop  30                          // and all of 50 are there
            |        post  T2  alice → shop  1        insufficient_funds available=0
            balance  alice  posted 0    held 0  available 0
            balance  shop   posted 100  held 0  available 100
            """),
        Table(
            "One line cannot be used twice by one command",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  100           posted
            hold     H1  alice → shop   60 for 1h     held
            linked   L1                               hold_already_ended
            +        capture  H1  10
            +        capture  H1  10
            balance  alice  posted 100  held 60  available 40
            linked   L2                               voided
            +        void  H1
            +        hold  alice → shop  100 for 1h             // free again within the command
            balance  alice  posted 100  held 100  available 0
            """),
    ]

    static let reversing: [Table] = [
        Table(
            "A transfer is reversed once",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500    posted
            post     T2  alice → shop   200    posted
            reverse  T2  as R1                 reversed
            balance  alice  posted 500  held 0  available 500
            balance  shop   posted 0    held 0  available 0
            reverse  T2                        transfer_already_reversed
            reverse  T2  as R1                 replayed
            history  shop   is R1 T2                     // both stay to be seen
            trial    0
            """),
        Table(
            "What was received must still be there",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500          posted
            post     T2  alice → shop   200          posted
            hold     H1  shop → alice   1 for 1h     held
            reverse  T2                              insufficient_funds available=199
            void     H1                              voided
            reverse  T2                              reversed
            """),
        Table(
            "Only what moved money can be reversed",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500              posted
            hold     H1  alice → shop   100 for 1h       held
            hold     H2  alice → shop   100 for 1h       held
            reverse  H1                                  transfer_not_reversible
            capture  H1  70  as C1                       posted
            void     H2  as V1                           voided
            reverse  H1                                  transfer_not_reversible   // ended or not
            reverse  V1                                  transfer_not_reversible
            reverse  C1  as R1                           reversed
            reverse  R1                                  transfer_not_reversible
            reverse  C1                                  transfer_already_reversed
            reverse  nothing                             transfer_not_found
            balance  alice  posted 500  held 0  available 500
            """),
        Table(
            "Twins in one batch reverse once",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500    posted
            post     T2  alice → shop   200    posted
            batch
            |        reverse  T2               reversed
            |        reverse  T2               transfer_already_reversed
            |        reverse  T2               transfer_already_reversed
            balance  alice  posted 500  held 0  available 500
            """),
        Table(
            "A closed account keeps what it has",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500    posted
            post     T2  alice → shop   200    posted
            close    alice
            reverse  T2                        credit_account_closed
            """),
    ]
}
