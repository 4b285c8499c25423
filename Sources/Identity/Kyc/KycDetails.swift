internal import HTTP
package import Values

/// What a submission may say.
enum KycRules {
    static let nameCharacters = 2...100
    /// In every country that we know of, who is younger cannot hold an account alone.
    static let ageYearsMin: Int64 = 18
    /// Nobody has been older.
    static let ageYearsMax: Int64 = 122
    static let numberCharacters = 4...30
    static let imageBytesMax = 2 * 1024 * 1024
    /// What is smaller on its shorter side cannot be read; what is larger would take a reviewer's
    /// browser hundreds of megabytes to show.
    static let imageSidePixels = 240...10_000
    static let imagePixelsMax = 40_000_000
}

/// A document that says who somebody is.
package struct IdentityDocument: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case nationalID = "national_id"
        case passport
        case drivingLicence = "driving_licence"
        case residencePermit = "residence_permit"

        /// The photographs that show all of it.
        var sides: [ImageSide] {
            switch self {
            case .passport: [.front]
            case .nationalID, .drivingLicence, .residencePermit: [.front, .back]
            }
        }
    }

    package let kind: Kind
    package let number: String
    /// That gave it out: two letters of ISO 3166-1.
    package let country: String

    /// The same for every way in which people write the number down.
    var canonical: String {
        let number = number.uppercased().filter { $0.isLetter || $0.isNumber }
        return "\(kind.rawValue) \(country) \(number)"
    }
}

/// What somebody says of themself, to be compared with the document.
package struct KycDetails: Sendable, Equatable {
    package let fullName: String
    package let birthDate: CalendarDay
    package let document: IdentityDocument

    /// Throws for the first member that cannot be true, in the order of the form.
    init(
        fullName: String, birthDate: String, kind: IdentityDocument.Kind, number: String,
        country: String, today: CalendarDay
    ) throws(IdentityRejection) {
        guard Self.isName(fullName) else { throw .kycDetailsInvalid(field: "full_name") }
        guard let day = CalendarDay(birthDate),
            (KycRules.ageYearsMin...KycRules.ageYearsMax).contains(Self.age(day, on: today))
        else { throw .kycDetailsInvalid(field: "birth_date") }
        guard Self.isNumber(number) else { throw .kycDetailsInvalid(field: "document/number") }
        guard Self.countries.contains(country) else {
            throw .kycDetailsInvalid(field: "document/country")
        }
        self.fullName = fullName
        self.birthDate = day
        document = IdentityDocument(kind: kind, number: number, country: country)
    }

    /// Letters of any script with their marks and joiners, and what stands between names.
    private static func isName(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        return FullName(text) != nil && KycRules.nameCharacters.contains(scalars.count)
            && scalars.contains { $0.properties.isAlphabetic }
            && scalars.allSatisfy { scalar in
                scalar.properties.isAlphabetic
                    || " '’.-·\u{200C}\u{200D}".unicodeScalars.contains(scalar)
                    || scalar.properties.generalCategory == .nonspacingMark
                    || scalar.properties.generalCategory == .spacingMark
            }
    }

    private static func isNumber(_ text: String) -> Bool {
        KycRules.numberCharacters.contains(text.utf8.count)
            && text.utf8.contains { isDigit($0) }
            && text.utf8.allSatisfy {
                isDigit($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || " -/.".utf8.contains($0)
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func age(_ birth: CalendarDay, on today: CalendarDay) -> Int64 {
        let hasHadBirthday = (today.month, today.day) >= (birth.month, birth.day)
        return today.year - birth.year - (hasHadBirthday ? 0 : 1)
    }

    /// ISO 3166-1, as of 2026.
    private static let countries = Set(
        """
        AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN
        BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ
        DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL
        GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM
        JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME
        MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP
        NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD
        SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
        TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
        """.split { $0.isWhitespace }.map(String.init))
}

// MARK: At rest

extension KycDetails {
    /// As it is sealed.
    var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.field("full_name", fullName)
            $0.field("birth_date", "\(birthDate)")
            $0.field("kind", document.kind.rawValue)
            $0.field("number", document.number)
            $0.field("country", document.country)
        }
        return writer.bytes
    }

    /// Nil for what `bytes` did not write.
    init?(bytes: [UInt8]) throws(JSONError) {
        let json = try JSON(parsing: bytes)
        guard let fullName = json["full_name"]?.string,
            let birthDate = json["birth_date"]?.string.flatMap({ CalendarDay($0) }),
            let kind = json["kind"]?.string.flatMap({ IdentityDocument.Kind(rawValue: $0) }),
            let number = json["number"]?.string, let country = json["country"]?.string
        else { return nil }
        self.fullName = fullName
        self.birthDate = birthDate
        document = IdentityDocument(kind: kind, number: number, country: country)
    }
}
