//! What dead keys make of other characters: libX11's Compose file for en_US.UTF-8. Written by
//! tests/fixtures/keyboard/tables.py.

/// Dead keys by the combining marks that stand for them, each with pairs: the character it is typed before, and what
/// they make together. A dead key typed twice stands before its own mark.
#[rustfmt::skip]
pub(super) const ACCENTS: &[(char, &str)] = &[
    ('\u{300}', "\
        \u{20}`AÀEÈIÌNǸOÒUÙVǛWẀYỲaàeèiìnǹoòuùvǜwẁyỳÂẦÔỒÜǛâầôồüǜĂẰăằ\u{300}`ΑᾺΕῈΗῊΙῚΟῸΥῪΩῺαὰεὲηὴιὶοὸυὺωὼ"),
    ('\u{301}', "\
        \u{20}'AÁCĆEÉGǴIÍKḰLĹMḾNŃOÓPṔRŔSŚUÚVǗWẂYÝZŹaácćeégǵiíkḱlĺmḿnńoópṕrŕsśuúvǘwẃyýzźÂẤÅǺÆǼÇḈÏḮÔỐÕṌØǾÜǗâấ\
        åǻæǽçḉïḯôốõṍøǿüǘĂẮăắ\u{301}´ΑΆΕΈΗΉΙΊΟΌΥΎΩΏαάεέηήιίοόυύωώ"),
    ('\u{302}', "\
        \u{20}^(⁽)⁾+⁺-⁻.·0⁰1¹2²3³4⁴5⁵6⁶7⁷8⁸9⁹=⁼AÂCĈEÊGĜHĤIÎJĴOÔSŜUÛWŴYŶZẐaâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷzẑÁẤÃẪÉẾÒỒ\
        ÓỐÕỖàầáấãẫèềéếòồóốõỗ\u{302}^"),
    ('\u{303}', "\
        \u{20}~<≲=≃>≳AÃEẼIĨNÑOÕUŨVṼYỸaãeẽiĩnñoõuũvṽyỹÂẪÓṌÖṎÚṸâẫóṍôỗöṏúṹĂẴăẵ\u{303}~αᾶηῆιῖυῦωῶ"),
    ('\u{304}', "\
        \u{20}¯AĀEĒGḠIĪOŌUŪVǕYȲaāeēgḡiīoōuūvǖyȳÄǞÆǢÉḖÒṐÓṒÕȬÖȪÜǕäǟæǣèḕéḗòṑóṓõȭöȫüǖ\u{304}¯ΑᾹΙῙΥῩαᾱιῑυῡ"),
    ('\u{306}', "\
        \u{20}˘AĂEĔGĞIĬOŎUŬaăeĕgğiĭoŏuŭÁẮÃẴàằáắãẵ\u{306}˘ΑᾸΙῘΥῨαᾰιῐυῠ"),
    ('\u{307}', "\
        \u{20}˙AȦBḂCĊDḊEĖFḞGĠHḢIİLĿMṀNṄOȮPṖRṘSṠTṪWẆXẊYẎZŻaȧbḃcċdḋeėfḟgġhḣiıjȷlŀmṁnṅoȯpṗrṙsṡtṫwẇxẋyẏzżŚṤśṥŠṦ\
        šṧſẛ\u{307}˙"),
    ('\u{308}', "\
        \u{20}\"AÄEËHḦIÏOÖUÜWẄXẌYŸaäeëhḧiïoötẗuüwẅxẍyÿÍḮÕṎÚǗíḯõṏùǜúǘ\u{308}¨ΙΪΥΫιϊυϋ"),
    ('\u{309}', "\
        AẢBƁCƇDƊEẺFƑGƓIỈKƘMⱮNƝOỎPƤTƬUỦVƲWⱲYỶZȤaảbɓcƈdɗeẻfƒgɠhɦiỉkƙmɱnɲoỏpƥqʠrɼsʂtƭuủvʋwⱳyỷzȥÂẨÔỔâẩôổəɚ"),
    ('\u{30a}', "\
        \u{20}°AÅUŮaåuůwẘyẙÁǺáǻ\u{30a}°"),
    ('\u{30b}', "\
        \u{20}˝OŐUŰoőuű\u{30b}˝"),
    ('\u{30c}', "\
        \u{20}ˇ(₍)₎+₊-₋0₀1₁2₂3₃4₄5₅6₆7₇8₈9₉=₌AǍCČDĎEĚGǦHȞIǏKǨLĽNŇOǑRŘSŠTŤUǓVǙZŽaǎcčdďeěgǧhȟiǐjǰkǩlľnňoǒrřsš\
        tťuǔvǚzžÜǙüǚƷǮʒǯ\u{30c}ˇ"),
    ('\u{31b}', "\
        OƠUƯoơuưÒỜÓỚÚỨòờóớùừúứ"),
    ('\u{323}', "\
        +⨥-⨪=⩦AẠBḄDḌEẸHḤIỊKḲLḶMṂNṆOỌRṚSṢTṬUỤVṾWẈYỴZẒaạbḅdḍeẹhḥiịkḳlḷmṃnṇoọrṛsṣtṭuụvṿwẉyỵzẓ"),
    ('\u{326}', "\
        \u{20},SȘTȚsștț\u{326},"),
    ('\u{327}', "\
        \u{20}¸CÇDḐEȨGĢHḨKĶLĻNŅRŖSŞTŢcçdḑeȩgģhḩkķlļnņrŗsştţ¢₵ĆḈćḉ\u{327}¸"),
    ('\u{328}', "\
        \u{20}˛AĄEĘIĮOǪUŲaąeęiįoǫuų\u{328}˛"),
    ('\u{335}', "\
        \u{20}/2ƻ<≮=≠>≯AȺBɃCȻDĐEɆGǤHĦIƗJɈLŁOØPⱣRɌTŦUɄYɎZƵaⱥbƀcȼdđeɇgǥhħiɨjɉlłoøpᵽrɍtŧuʉyɏzƶÓǾóǿ\u{335}/≤≰≥≱"),
];
