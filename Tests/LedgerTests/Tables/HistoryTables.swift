import Testing

extension Table {
    static let history: [Table] = [
        Table(
            "A balance of a past moment",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            mark     start
            post     T1  float → alice  500           posted
            mark     paid
            hold     H1  alice → shop   200 for 2h    held
            mark     held
            capture  H1  150                          posted
            mark     end
            asof     alice  start  posted 0    held 0
            asof     alice  paid   posted 500  held 0
            asof     alice  held   posted 500  held 200
            asof     alice  end    posted 350  held 0
            asof     shop   held   posted 0    held 0
            asof     shop   end    posted 150  held 0
            """),
        Table(
            "Across months, some of them quiet",
            """
            account  alice  KES  floor
            account  float  KES
            advance  to month
            mark     m1
            post     A1  float → alice  100    posted
            post     A2  float → alice  10     posted
            mark     m1-end
            advance  to month
            mark     m2
            post     B1  float → alice  200    posted
            mark     m2-mid
            post     B2  alice → float  20     posted
            advance  to month
            advance  to month
            mark     m4                               // nothing happened in the third
            advance  to month
            mark     m5
            post     C1  float → alice  400    posted
            mark     end
            asof     alice  m1      posted 0    held 0
            asof     alice  m1-end  posted 110  held 0
            asof     alice  m2      posted 110  held 0
            asof     alice  m2-mid  posted 310  held 0
            asof     alice  m4      posted 290  held 0
            asof     alice  m5      posted 290  held 0
            asof     alice  end     posted 690  held 0
            asof     float  m2-mid  posted -310 held 0
            history  alice  from m2 to m4 is B2 B1
            history  alice  from m4 to m5 is
            history  alice  from m2-mid to end by 1 is C1 B2
            history  alice  to m2 by 1 is A2 A1
            history  alice  from m5 is C1
            history  alice  by 2 is C1 B2 B1 A2 A1
            """),
        Table(
            "A page says where the next one starts",
            """
            account  alice  KES  floor
            account  bob    KES  floor
            account  float  KES
            post     T1  float → alice  100    posted
            post     T2  alice → bob    10     posted
            mark     two
            post     T3  float → bob    10     posted        // not alice's
            post     T4  bob → alice    5      posted
            linked   T5                        posted
            +        post  alice → bob    1
            +        post  alice → float  1
            post     T6  alice → bob    1      posted
            mark     six
            post     T7  alice → bob    1      posted
            history  alice  by 1 is T7 T6 T5.2 T5 T4 T2 T1
            history  alice  by 2 is T7 T6 T5.2 T5 T4 T2 T1
            history  alice  by 7 is T7 T6 T5.2 T5 T4 T2 T1
            history  alice  by 8 is T7 T6 T5.2 T5 T4 T2 T1
            history  alice  from two to six by 2 is T6 T5.2 T5 T4
            history  bob    from two by 3 is T7 T6 T5 T4 T3
            history  float  is T5.2 T3 T1
            """),
        Table(
            "A quiet account has an empty history",
            """
            account  alice  KES  floor
            mark     now
            history  alice  is
            asof     alice  now  posted 0  held 0
            balance  alice  posted 0  held 0  available 0
            trial    0
            """),
    ]

    static let overflowing: [Table] = [
        Table(
            "A balance cannot exceed 2^63 − 1",
            """
            account  alice  KES  floor
            account  float  KES
            account  other  KES
            post     T1  float → alice  max      posted
            post     T2  other → alice  1        balance_overflow
            post     T3  float → other  1        posted               // −max − 1 is still a number
            post     T4  float → other  1        balance_overflow     // and that was the last
            balance  float  posted -9223372036854775808  held 0  available -9223372036854775808
            balance  alice  posted 9223372036854775807   held 0  available 9223372036854775807
            post     T5  alice → other  max-1    posted               // 1 is there already
            trial    0
            """),
        Table(
            "Neither can what is held, nor what is left of an account without a floor",
            """
            account  alice  KES  floor
            account  float  KES
            account  other  KES
            hold     H1  float → alice  max for 1h       held
            hold     H2  float → alice  1 for 1h         balance_overflow
            post     T1  float → alice  1                posted       // available: −1 − max
            post     T2  float → alice  1                balance_overflow
            capture  H1  max                             balance_overflow   // alice has 1
            capture  H1  max-1                           posted
            balance  float  posted -9223372036854775807  held 0  available -9223372036854775807
            hold     H3  float → alice  1 for 1h         held
            hold     H4  float → alice  1 for 1h         balance_overflow
            batch
            |        post  T3  float → other  5          balance_overflow
            |        post  T4  alice → other  5          posted       // its neighbours go on
            trial    0
            """),
        Table(
            "A payer's own money is looked at first",
            """
            account  rich   KES  floor
            account  poor   KES  floor
            account  float  KES
            post     T1  float → rich  max-1000                posted
            post     T2  poor → rich   max                     insufficient_funds available=0
            post     T3  poor → rich   1001                    insufficient_funds available=0
                           // “balance_overflow” would tell the poor how much the rich have
            account  meek   KES  floor  transfer 5
            post     T4  float → meek  1000                    posted
            account  more   KES
            post     T5  more → rich   1000                    posted
            post     T6  meek → rich   6  limited              limit_exceeded
            post     T7  meek → rich   5  limited              balance_overflow
            """),
        Table(
            "A floor far below zero is still counted",
            """
            account  alice  KES  floor min
            account  bob    KES  floor
            account  float  KES
            post     T1  float → alice  max            posted
            hold     H1  alice → bob    max for 1h     held
            hold     H2  alice → bob    max for 1h     balance_overflow
            post     T2  alice → bob    max            posted
            hold     H3  alice → bob    1 for 1h       balance_overflow
            post     T3  alice → float  1              posted         // to the least there is
            post     T4  alice → float  1              insufficient_funds available=0
            trial    0
            """),
        Table(
            "Spent and limit near the bounds",
            """
            account  alice  KES  floor  day max
            account  bob    KES  floor
            account  float  KES
            post     T1  float → alice  max            posted
            post     T2  alice → bob    max  limited   posted
            post     T3  bob → alice    max            posted
            post     T4  alice → bob    1    limited   limit_exceeded remaining=0
            """),
    ]
}
